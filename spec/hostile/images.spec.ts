import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { RegistryClient, RegistryClientError } from '../../lib/index.js';
import type { Descriptor } from '../../lib/oci/descriptor.js';
import { digestOf } from '../../lib/oci/digest.js';
import { encodeManifest, type RawManifest } from '../../lib/oci/manifest.js';
import { MediaType } from '../../lib/oci/media-types.js';
import { HostileRig, type Witness } from '../support/hostile-rig.js';
import { TemporaryFolders } from '../support/temporary-folder.js';
import { stopServers } from '../support/test-server.js';

const CONFIG = Buffer.from('{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}');
const config = { mediaType: MediaType.ociConfig, digest: digestOf(CONFIG), size: CONFIG.length };

function image(layers: readonly Descriptor[] = [], annotations?: Record<string, string>): RawManifest {
  const optional = annotations === undefined ? {} : { annotations };
  return encodeManifest({ schemaVersion: 2, mediaType: MediaType.ociManifest, config, layers, ...optional });
}

function index(manifests: readonly Descriptor[]): RawManifest {
  return encodeManifest({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests });
}

function layer(size: number, content = 'layer'): Descriptor {
  return { mediaType: MediaType.ociLayer, digest: digestOf(content), size };
}

describe('a hostile image', () => {
  const folders = new TemporaryFolders();
  let registry: Witness;
  let client: RegistryClient;
  let folder: string;
  let stored: Map<string, RawManifest>;

  beforeEach(async () => {
    stored = new Map();
    registry = await new HostileRig().http('registry', ({ path }, response) => {
      const name = path.split('/').at(-1) ?? '';
      if (name === config.digest) return response.end(CONFIG);
      const found = stored.get(name);
      if (!found) return response.writeHead(404).end();
      return response.writeHead(200, { 'content-type': found.descriptor.mediaType }).end(found.bytes);
    });
    client = new RegistryClient({ url: registry.url(), cache: false, retry: { retries: 0 } });
    folder = await folders.make();
  });

  afterEach(async () => {
    await client.close();
    await stopServers();
    await folders.remove();
  });

  function serve(root: RawManifest, ...others: RawManifest[]): void {
    for (const raw of [root, ...others]) stored.set(raw.descriptor.digest, raw);
    stored.set('1', root);
  }

  /** Ends with an error of ours, and leaves nothing. */
  async function refused(): Promise<RegistryClientError> {
    const error: unknown = await client.pull('app:1', join(folder, 'app.tar')).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(RegistryClientError);
    expect(await readdir(folder)).toEqual([]);
    return error as RegistryClientError;
  }

  it('of indexes in indexes has an end', async () => {
    const chain = [image()];
    for (let depth = 0; depth < 12; depth++) chain.unshift(index([chain[0]!.descriptor]));
    serve(chain[0]!, ...chain);
    expect(await refused()).toMatchObject({ code: 'INDEX_TOO_LARGE' });
    expect(registry.heard.length).toBeLessThan(12);
  });

  it('that lists too much is not fetched at all', async () => {
    const one = image().descriptor;
    serve(index(Array.from({ length: 1001 }, (_, i) => ({ ...one, digest: digestOf(String(i)) }))));
    expect(await refused()).toMatchObject({ code: 'INDEX_TOO_LARGE' });
    expect(registry.heard).toHaveLength(1);
  });

  it('whose manifests would fill the memory is given up', async () => {
    const filling = 'x'.repeat(7 * 1024 * 1024);
    const large = Array.from({ length: 20 }, (_, i) => image([], { filling: `${i}${filling}` }));
    serve(index(large.map(({ descriptor }) => descriptor)), ...large);
    expect(await refused()).toMatchObject({ code: 'INDEX_TOO_LARGE' });
    expect(registry.heard.length).toBeLessThan(21);
  });

  it('that lists a manifest with another size is refused', async () => {
    const child = image();
    serve(index([{ ...child.descriptor, size: child.bytes.length + 1 }]), child);
    expect(await refused()).toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  it('with another manifest under the digest it lists is refused', async () => {
    const child = image();
    serve(index([child.descriptor]));
    stored.set(child.descriptor.digest, image([layer(1)]));
    expect(await refused()).toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  it('of which one manifest is missing has the others left alone', async () => {
    const children = Array.from({ length: 200 }, (_, i) => image([], { i: String(i) }));
    serve(index(children.map(({ descriptor }) => descriptor)), ...children.slice(1));
    expect(await refused()).toMatchObject({ status: 404 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    // What was under way then may still be heard.
    expect(registry.heard.length).toBeLessThan(50);
  });

  it('of which one config is missing has the others left alone', async () => {
    const missing = { ...config, digest: digestOf('missing') };
    const children = Array.from({ length: 200 }, (_, i) =>
      encodeManifest({ ...image([], { i: String(i) }).manifest, config: { ...missing, digest: digestOf(`no ${i}`) } }),
    );
    serve(index(children.map(({ descriptor }) => descriptor)), ...children);
    await expect(client.getImageInfo('app', '1')).rejects.toMatchObject({ status: 404 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(registry.heard.filter(({ path }) => path.includes('/blobs/')).length).toBeLessThan(50);
  });

  it.each([
    ['a layer larger than any disk', [layer(Number.MAX_SAFE_INTEGER)]],
    ['layers too large for a number', [layer(2 ** 53 - 1, 'a'), layer(2 ** 53 - 1, 'b')]],
    ['one layer with two sizes', [layer(5), layer(50_000)]],
  ])('with %s is refused', async (_, layers) => {
    serve(image(layers));
    await refused();
  });

  it.each([
    ['both an image and an index', { ...image().manifest, manifests: [] }],
    ['a size below zero', { ...image().manifest, layers: [layer(-1)] }],
    ['half a byte', { ...image().manifest, layers: [layer(0.5)] }],
    [
      'a way out for a digest',
      { ...image().manifest, layers: [{ ...layer(1), digest: 'sha256:../../../etc/passwd' }] },
    ],
    ['an algorithm nobody knows', { ...image().manifest, layers: [{ ...layer(1), digest: `md5:${'0'.repeat(32)}` }] }],
    ['null for layers', { ...image().manifest, layers: null }],
    ['null among the layers', { ...image().manifest, layers: [null] }],
    ['null', null],
  ])('that is %s is refused before anything is fetched', async (_, content) => {
    const bytes = Buffer.from(JSON.stringify(content));
    const descriptor = { mediaType: MediaType.ociManifest, digest: digestOf(bytes), size: bytes.length };
    serve({ ...image(), bytes, descriptor });
    expect(await refused()).toMatchObject({ code: 'MANIFEST_INVALID' });
    expect(registry.heard).toHaveLength(1);
  });
});
