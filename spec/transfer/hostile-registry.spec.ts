import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MediaType, NotFoundError, RegistryClient, RegistryClientError, RegistryError } from '../../lib/index.js';
import { digestOf } from '../../lib/oci/digest.js';
import { FakeTransport } from '../support/fake-transport.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

/* What a registry may say of an image to make a client hang, fill its memory or its disk, or write to a terminal. */

const MiB = 1024 * 1024;
const CONFIG = Buffer.from('{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}');
const BLOB = digestOf('a blob');

function imageWith(more: object): string {
  const config = { mediaType: MediaType.ociConfig, digest: digestOf(CONFIG), size: CONFIG.length };
  return JSON.stringify({ schemaVersion: 2, mediaType: MediaType.ociManifest, config, layers: [], ...more });
}

function indexOf(manifests: readonly object[]): string {
  return JSON.stringify({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests });
}

function layerOf(size: number): object {
  return { mediaType: MediaType.ociLayer, digest: BLOB, size };
}

/** A registry that has `root` under every tag, and what `byDigest` gives. */
function registryWith(root: string, byDigest: (digest: string) => string | Buffer | undefined = () => undefined) {
  const transport = new FakeTransport(({ url }) => {
    const name = decodeURIComponent(url.pathname.replace(/.*\//, ''));
    const body = name === 'hostile' ? root : name === digestOf(CONFIG) ? CONFIG : byDigest(name);
    return body === undefined ? { status: 404 } : { status: 200, body };
  });
  return { transport, client: new RegistryClient({ url: 'http://registry.test', transport, cache: false }) };
}

describe('a hostile registry', () => {
  const folders = new TemporaryFolders();
  let folder: string;

  beforeEach(async () => {
    folder = await folders.make();
  });

  afterEach(() => folders.remove());

  async function pullError(root: string, ...more: [] | [(digest: string) => string | undefined]): Promise<Error> {
    const { client } = registryWith(root, ...more);
    const error = await client.pull('app:hostile', join(folder, 'app.tar')).then(
      () => Promise.reject(new Error('it was pulled')),
      (reason: Error) => reason,
    );
    expect(RegistryClientError.is(error)).toBe(true);
    expect(await readdir(folder)).toEqual([]);
    return error;
  }

  it.each([2 ** 53 - 1, 2 ** 53 - 1024])('cannot have an image of %d bytes pulled', async (size) => {
    const error = await pullError(imageWith({ layers: [layerOf(size)] }));
    expect(error.message).toMatch(/^the image app@sha256:\w+ says it is larger than any file can be$/);
  });

  it('is told what the disk says to a file of petabytes', async () => {
    // Some file systems do take it, and then the blob is not there.
    const error = await pullError(imageWith({ layers: [layerOf(2 ** 52)] }));
    expect(error.message).toMatch(/app\.tar cannot be written: EFBIG|404/);
  });

  it.each(['9007199254740993', '-1', '1e400', '0.5', '"1"', 'null', '[1]'])(
    'cannot give a size of %s',
    async (size) => {
      const root = imageWith({ layers: [layerOf(0)] }).replace('"size":0', `"size":${size}`);
      expect((await pullError(root)).message).toContain('layers[0] of the manifest has no valid size');
    },
  );

  it('cannot have a path for a digest', async () => {
    const root = imageWith({ layers: [layerOf(1)] }).replace(BLOB, 'sha256:../../../etc/passwd');
    expect((await pullError(root)).message).toContain('layers[0] of the manifest has no valid digest');
  });

  it('cannot send more than 64 MiB of manifests', async () => {
    const large = (i: string): string => imageWith({ annotations: { i: i.padEnd(7 * MiB) } });
    const made = new Map(Array.from({ length: 30 }, (_, i) => [digestOf(large(String(i))), String(i)]));
    const listed = [...made].map(([digest, i]) => ({
      mediaType: MediaType.ociManifest,
      digest,
      size: large(i).length,
    }));
    let sent = 0;
    const error = await pullError(indexOf(listed), (digest) => {
      const i = made.get(digest);
      if (i !== undefined) sent += 1;
      return i === undefined ? undefined : large(i);
    });
    expect(error).toMatchObject({ code: 'INDEX_TOO_LARGE' });
    expect(sent).toBeLessThan(20);
  });

  describe('that lists platforms with text in them', () => {
    const platform = { os: '\u001b[2J\u202e'.padEnd(1000, 'x'), architecture: 'a', 'os.features': [{ toString: 1 }] };
    const root = indexOf(
      Array.from({ length: 500 }, () => ({ ...layerOf(1), mediaType: MediaType.ociManifest, platform })),
    );

    it('writes none of it to a terminal, and not too much', async () => {
      const { client } = registryWith(root);
      const info = client.getImageInfo('app', 'hostile', { platform: 'linux/arm64' });
      const error = (await info.catch((reason: unknown) => reason)) as Error;
      expect(error).toBeInstanceOf(NotFoundError);
      expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      expect(error.message.length).toBeLessThan(1000);
    });
  });

  it.each([
    ['lists', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['objects', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
  ])('cannot end us with 100,000 %s in one another', async (_, deep) => {
    const roots = [
      deep,
      imageWith({ layers: [layerOf(0)] }).replace('"size":0', `"size":${deep}`),
      imageWith({}).replace('"layers":[]', `"layers":[${deep}]`),
      imageWith({}).replace('"layers":[]', `"layers":[],"annotations":${deep}`),
    ];
    for (const root of roots) expect(await pullError(root)).toBeInstanceOf(RegistryError);
  });
});
