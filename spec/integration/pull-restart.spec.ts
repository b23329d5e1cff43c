import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type PullEvent, RegistryClient } from '../../lib/index.js';
import { imageTar } from '../../lib/testing/index.js';
import { noise, toBuffer } from '../support/content.js';
import { readWithNodeTar } from '../support/node-tar-reader.js';
import { type RegistryProcess, startRegistry } from '../support/registry-process.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

const LAYER = toBuffer(noise(64 * 1024 * 1024));

describe('a pull whose registry is killed in the middle', () => {
  const folders = new TemporaryFolders();
  let registry: RegistryProcess;
  let client: RegistryClient;

  beforeAll(async () => {
    registry = await startRegistry();
    client = new RegistryClient({ url: registry.url, cache: false, credentials: 'anonymous' });
    await client.push(imageTar({ layers: [LAYER], format: 'oci' }), 'app:1', { compression: 'none' });
  });

  afterAll(async () => {
    await client.close();
    await registry.stop();
    await folders.remove();
  });

  /** Kills it as soon as some of the layer is there. */
  function killing(then: () => void): (event: PullEvent) => void {
    let isOver = false;
    return (event) => {
      if (isOver || event.state !== 'progress' || event.descriptor.size < LAYER.length) return;
      isOver = true;
      void registry.kill().then(then);
    };
  }

  it('goes on when it is back', async () => {
    const folder = await folders.make();
    const path = join(folder, 'app.tar');
    const pulled = await client.pull('app:1', path, { onProgress: killing(() => void registry.restart()) });
    expect(await readdir(folder)).toEqual(['app.tar']);
    const contents = (await readWithNodeTar(await readFile(path))).map(({ content }) => content);
    expect(contents.some((content) => content.equals(LAYER))).toBe(true);
    // What had arrived was not asked for again.
    expect(pulled.bytesReceived).toBeLessThan(LAYER.length + 100_000);
  });

  it('fails and leaves nothing when it never is', async () => {
    const folder = await folders.make();
    const impatient = new RegistryClient({
      url: registry.url,
      cache: false,
      credentials: 'anonymous',
      retry: { retries: 0 },
    });
    const pulling = impatient.pull('app:1', join(folder, 'app.tar'), { onProgress: killing(() => undefined) });
    await expect(pulling).rejects.toMatchObject({ code: expect.stringMatching(/^ECONN/) });
    expect(await readdir(folder)).toEqual([]);
    await impatient.close();
  });
});
