import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Readable } from 'node:stream';
import { afterAll, describe, expect, it } from '@jest/globals';
import { digestOf } from '../../lib/oci/digest.js';
import { Caller, type PushedManifest } from '../contract/caller.js';
import { HttpTransport } from '../contract/http-transport.js';
import { type Serving, startServing } from '../support/serving.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

describe('serve --dir, killed in the middle of pushes', () => {
  const folders = new TemporaryFolders();
  afterAll(() => folders.remove());

  /** Pushes image after image, several at once, until the registry is gone. @returns those it acknowledged */
  async function pushUntilKilled(serving: Serving, folderOfBlobs: string): Promise<Map<string, PushedManifest>> {
    const acknowledged = new Map<string, PushedManifest>();
    const transport = new HttpTransport();
    const caller = new Caller(transport, new URL(serving.url));
    const half = pushForever(caller).catch(() => {});
    const pushers = Array.from({ length: 4 }, async (_, pusher) => {
      for (let i = 0; ; i++) {
        const tag = `v${pusher}-${i}`;
        acknowledged.set(tag, await caller.pushImage('team/app', tag, {}, tag));
      }
    });
    const gone = Promise.all(pushers).catch(() => {});
    while (acknowledged.size < 40) await sleep(5);
    expect((await readdir(folderOfBlobs)).length).toBeGreaterThan(0);
    await serving.stop('SIGKILL');
    await gone;
    await half;
    await transport.close();
    return acknowledged;
  }

  /** A layer that has no end. */
  async function pushForever(caller: Caller): Promise<void> {
    const open = (): Readable =>
      Readable.from(
        (async function* () {
          for (;;) yield await sleep(1, Buffer.alloc(65_536, 'half'));
        })(),
        { objectMode: false },
      );
    await caller.call('PATCH', await caller.startUpload('team/app'), { body: { open } });
  }

  async function hashOfFile(path: string): Promise<string> {
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
    return hash.digest('hex');
  }

  it('has all it acknowledged when it is started again, and nothing half', async () => {
    const dir = await folders.make();
    const blobs = join(dir, 'blobs', 'sha256');
    const images = await pushUntilKilled(await startServing('--dir', dir), blobs);
    expect((await readdir(join(dir, 'registry', 'temporary'))).length).toBeGreaterThan(0);

    const serving = await startServing('--dir', dir);
    const transport = new HttpTransport();
    const caller = new Caller(transport, new URL(serving.url));
    for (const [tag, { bytes }] of images) {
      const manifest = await caller.call('GET', `/v2/team/app/manifests/${tag}`);
      expect([tag, manifest.body.equals(bytes)]).toEqual([tag, true]);
      const layer = `layer of ${tag}`;
      const blob = await caller.call('GET', `/v2/team/app/blobs/${digestOf(layer)}`);
      expect(blob.body.toString()).toBe(layer);
    }
    for (const name of await readdir(blobs)) expect(await hashOfFile(join(blobs, name))).toBe(name);
    expect(await readdir(join(dir, 'registry', 'temporary'))).toEqual([]);
    await transport.close();
    await serving.stop();
  });
});
