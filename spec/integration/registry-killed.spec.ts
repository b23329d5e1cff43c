import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RegistryClient } from '../../lib/registry-client.js';
import { noise } from '../support/content.js';
import { imageTar } from '../support/image-tar.js';
import { readBack, readTags } from '../support/reading-back.js';
import { type RegistryProcess, startRegistry } from '../support/registry-process.js';
import { layerOf } from '../support/tar-builder.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

const MIB = 1024 * 1024;
/** Milliseconds a registry is away. */
const AWAY = 500;

const IMAGE = imageTar({
  format: 'docker-25',
  layers: [24, 16, 8].map((size, index) => layerOf({ [`file${index}`]: noise(size * MIB, `killed ${index}`) })),
});

describe('a registry that is killed and started again in the middle', () => {
  const folders = new TemporaryFolders();
  let registry: RegistryProcess;
  let client: RegistryClient;
  let folder: string;
  /** Requests that got no answer, or half of one. */
  let failed: string[];

  beforeEach(async () => {
    registry = await startRegistry();
    folder = await folders.make();
    failed = [];
    const log = (line: string): void => void (/ failed /.test(line) && failed.push(line));
    client = new RegistryClient({ url: registry.url, credentials: 'anonymous', cache: false, log });
  });

  afterEach(async () => {
    await client.close();
    await registry.stop();
  });

  afterAll(() => folders.remove());

  /** Ends the registry for a moment, the first time that this is called. */
  const killer = () => {
    let restarted: Promise<void> | undefined;
    const killAndStart = async (): Promise<void> => {
      await registry.kill('SIGKILL');
      await sleep(AWAY);
      await registry.restart();
    };
    return { kill: () => void (restarted ??= killAndStart()), restarted: () => restarted };
  };

  it.each(['none', 'gzip'] as const)(
    'gets the whole image of a push with compression %s',
    async (compression) => {
      const file = join(folder, 'image.tar');
      await writeFile(file, IMAGE.tar);
      const { kill, restarted } = killer();
      const pushed = await client.push(file, 'team/app:1.0', {
        compression,
        onProgress: (event) => void (event.state === 'progress' && event.sent > 2 * MIB && kill()),
      });
      await restarted();
      expect(failed).not.toEqual([]);
      const stored = await readBack(registry, 'team/app', '1.0');
      expect(stored.manifestDigest).toBe(pushed.digest);
      expect(stored.config).toEqual(IMAGE.config);
      expect(stored.layers.map(({ diffId }) => diffId)).toEqual(IMAGE.layers.map(({ diffId }) => diffId));
      expect(await readTags(registry, 'team/app')).toEqual(['1.0']);
    },
    60_000,
  );

  it('gives the whole image to a pull', async () => {
    await client.push(IMAGE.tar, 'team/app:1.0', { compression: 'none' });
    await client.pull('team/app:1.0', join(folder, 'undisturbed.tar'));
    expect(failed).toEqual([]);
    const { kill, restarted } = killer();
    await client.pull('team/app:1.0', join(folder, 'killed.tar'), {
      onProgress: (event) => void (event.state === 'progress' && event.received > 2 * MIB && kill()),
    });
    await restarted();
    expect(failed).not.toEqual([]);
    expect(await hashOf(join(folder, 'killed.tar'))).toBe(await hashOf(join(folder, 'undisturbed.tar')));
    expect((await readdir(folder)).sort()).toEqual(['killed.tar', 'undisturbed.tar']);
  }, 60_000);
});

async function hashOf(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}
