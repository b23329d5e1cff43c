import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AuthenticationError } from '../lib/errors.js';
import { RegistryClient } from '../lib/registry-client.js';
import { imageTar } from '../lib/testing/image-tar.js';
import { startTestRegistry, type TestRegistry } from '../lib/testing/test-registry.js';
import { TemporaryFolders } from './support/temporary-folder.js';

const IMAGE = imageTar({ layers: [{ motd: 'hello' }] });

describe.each(['basic', 'bearer'] as const)('what docker login stored for a registry (%s)', (auth) => {
  const folders = new TemporaryFolders();
  const before = process.env.DOCKER_CONFIG;
  let folder: string;
  let registry: TestRegistry | undefined;
  let client: RegistryClient;
  beforeEach(async () => {
    process.env.DOCKER_CONFIG = folder = await folders.make();
  });
  afterEach(async () => {
    if (before === undefined) delete process.env.DOCKER_CONFIG;
    else process.env.DOCKER_CONFIG = before;
    await client.close();
    await registry?.close();
    await folders.remove();
  });

  /** As docker does for `docker login --username … --password-stdin`. */
  async function logIn(username: string, password: string): Promise<void> {
    const host = new URL(registry!.url).host;
    const entry = { auth: Buffer.from(`${username}:${password}`).toString('base64') };
    await writeFile(join(folder, 'config.json'), JSON.stringify({ auths: { [host]: entry } }));
  }

  /** On the port there was, with another password: as if it had expired. */
  async function start(password: string, username = 'test'): Promise<void> {
    const port = registry === undefined ? 0 : Number(new URL(registry.url).port);
    await registry?.close();
    registry = await startTestRegistry({ auth, username, password, port });
  }

  it('may be a key file of Google with its line breaks', async () => {
    const key = `${JSON.stringify({ type: 'service_account', private_key: '-----BEGIN' }, undefined, 2)}\n`;
    await start(key, '_json_key');
    await logIn('_json_key', key);
    client = new RegistryClient({ url: registry!.url, cache: false });
    await expect(client.push(IMAGE, 'project/app:1')).resolves.toMatchObject({ tag: '1' });
  });

  it('is read again once the registry takes it no more', async () => {
    await start('the first');
    await logIn('test', 'the first');
    client = new RegistryClient({ url: registry!.url, cache: false, retry: { baseDelay: 5 } });
    await client.push(IMAGE, 'team/app:1');
    await start('the second');
    await expect(client.push(IMAGE, 'team/app:1')).rejects.toBeInstanceOf(AuthenticationError);
    await logIn('test', 'the second');
    await expect(client.push(IMAGE, 'team/app:1')).resolves.toMatchObject({ tag: '1' });
  });
});
