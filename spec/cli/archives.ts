import { afterAll, beforeAll } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RegistryServer } from '../../lib/testing/index.js';
import { imageTar, type ImageTarOptions } from '../support/image-tar.js';

/** A folder for the archives of a spec. */
export class Archives {
  private root = '';

  constructor() {
    beforeAll(async () => {
      this.root = await mkdtemp(join(tmpdir(), 'cli-spec-'));
    });
    afterAll(() => rm(this.root, { recursive: true }));
  }

  /** Path of an archive, written as `docker save` does unless told otherwise. */
  async write(options: Partial<ImageTarOptions> = {}): Promise<string> {
    const file = join(this.root, `${Math.random().toString(36).slice(2)}.tar`);
    await writeFile(file, imageTar({ format: 'docker-25', ...options }).tar);
    return file;
  }

  /** An empty folder. */
  folder(name: string): Promise<string> {
    return mkdtemp(join(this.root, `${name}-`));
  }
}

/** A registry in memory that listens for as long as the spec runs. */
export class Listening {
  private server!: RegistryServer;

  constructor() {
    beforeAll(async () => {
      this.server = await RegistryServer.start();
    });
    afterAll(() => this.server.close());
  }

  get url(): string {
    return this.server.url;
  }

  /** `host:port`. */
  get host(): string {
    return new URL(this.server.url).host;
  }
}
