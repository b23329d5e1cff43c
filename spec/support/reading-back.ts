import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { Readable, Transform } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';

/*
 * Reads from a registry what a push has left there and checks it, with nothing but fetch: independent of the library, so that
 * the two cannot be wrong in the same way.
 */

export interface StoredDescriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: { os: string; architecture: string; variant?: string };
  urls?: string[];
}

export interface StoredManifest {
  schemaVersion: number;
  mediaType?: string;
  config?: StoredDescriptor;
  layers?: StoredDescriptor[];
  manifests?: StoredDescriptor[];
}

export interface StoredLayer {
  descriptor: StoredDescriptor;
  /** Digest of the uncompressed bytes, computed from what the registry gave. */
  diffId: string;
}

/** An image, or an index with its `children`, as the registry holds it; every digest in it has been checked. */
export interface StoredImage {
  manifest: StoredManifest;
  manifestBytes: Buffer;
  manifestDigest: string;
  mediaType: string;
  /** Empty for an index. */
  config: Buffer;
  layers: StoredLayer[];
  children: StoredImage[];
}

export interface RegistryAccess {
  url: string;
  /** Value of the `authorization` header. */
  authorization?: string;
}

const MANIFESTS = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];
const GZIP = Buffer.from([0x1f, 0x8b]);
const ZSTD = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/**
 * Fetches the manifest at a tag or digest and everything it names.
 * @throws AssertionError when a digest, a size, a media type or a diff_id is not what it must be.
 */
export async function readBack(registry: RegistryAccess, repository: string, reference: string): Promise<StoredImage> {
  const response = await get(registry, `${repository}/manifests/${reference}`, { accept: MANIFESTS.join(', ') });
  const manifestBytes = Buffer.from(await response.arrayBuffer());
  const manifestDigest = sha256(manifestBytes);
  if (reference.includes(':')) assert.equal(manifestDigest, reference, 'the manifest is not what its digest says');
  assert.equal(response.headers.get('docker-content-digest'), manifestDigest);
  const manifest = JSON.parse(manifestBytes.toString()) as StoredManifest;
  const mediaType = response.headers.get('content-type') ?? '';
  if (manifest.mediaType !== undefined) assert.equal(manifest.mediaType, mediaType);
  const found = await (manifest.manifests === undefined
    ? contents(registry, repository, manifest)
    : children(registry, repository, manifest.manifests));
  return { manifest, manifestBytes, manifestDigest, mediaType, ...found };
}

/** The bytes of one blob, checked against its digest. */
export async function readBlob(registry: RegistryAccess, repository: string, digest: string): Promise<Buffer> {
  const bytes = await buffer(await openBlob(registry, repository, digest));
  assert.equal(sha256(bytes), digest, 'the blob is not what its digest says');
  return bytes;
}

/** Tags of a repository, sorted; none when the registry does not know it. */
export async function readTags(registry: RegistryAccess, repository: string): Promise<string[]> {
  const headers = authorized(registry);
  const response = await fetch(`${registry.url}/v2/${repository}/tags/list`, { headers });
  if (response.status === 404) return [];
  assert.equal(response.status, 200);
  return ((await response.json()) as { tags: string[] | null }).tags?.sort() ?? [];
}

async function children(registry: RegistryAccess, repository: string, descriptors: readonly StoredDescriptor[]) {
  const found: StoredImage[] = [];
  for (const descriptor of descriptors) {
    const child = await readBack(registry, repository, descriptor.digest);
    assert.equal(child.manifestBytes.length, descriptor.size, `the size of manifest ${descriptor.digest}`);
    assert.equal(child.mediaType, descriptor.mediaType, `the type of manifest ${descriptor.digest}`);
    found.push(child);
  }
  return { config: Buffer.alloc(0), layers: [], children: found };
}

async function contents(registry: RegistryAccess, repository: string, { config, layers }: StoredManifest) {
  assert(config && layers, 'the manifest is neither an image nor an index');
  const bytes = await readBlob(registry, repository, config.digest);
  assert.equal(bytes.length, config.size, 'the size of the config');
  const stored: StoredLayer[] = [];
  for (const layer of layers) stored.push(await readLayer(registry, repository, layer));
  const diffIds = (JSON.parse(bytes.toString()) as { rootfs?: { diff_ids?: string[] } }).rootfs?.diff_ids;
  const found = stored.map((layer) => layer.diffId);
  assert.deepEqual(found, diffIds, 'the layers are not those of the config');
  return { config: bytes, layers: stored, children: [] };
}

/** Hashes a layer twice while it passes, as stored and as it is without compression: a layer may be larger than memory. */
async function readLayer(registry: RegistryAccess, repository: string, descriptor: StoredDescriptor) {
  const source = await openBlob(registry, repository, descriptor.digest);
  const hashes = { stored: createHash('sha256'), plain: createHash('sha256') };
  let size = 0;
  let start = Buffer.alloc(0);
  const stored = passing((chunk) => {
    if (size < 4) start = Buffer.concat([start, chunk]).subarray(0, 4);
    hashes.stored.update(chunk);
    size += chunk.length;
  });
  const plain = passing((chunk) => void hashes.plain.update(chunk)).resume();
  await pipeline([source, stored, ...decompressor(descriptor.mediaType), plain]);
  assert.equal(`sha256:${hashes.stored.digest('hex')}`, descriptor.digest, 'the layer is not what its digest says');
  assert.equal(size, descriptor.size, `the size of layer ${descriptor.digest}`);
  assert.equal(compressionOf(start), namedCompression(descriptor.mediaType), `${descriptor.mediaType} is not true`);
  return { descriptor, diffId: `sha256:${hashes.plain.digest('hex')}` };
}

function passing(see: (chunk: Buffer) => void): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      see(chunk);
      done(null, chunk);
    },
  });
}

function compressionOf(start: Buffer): string {
  if (start.subarray(0, 2).equals(GZIP)) return 'gzip';
  return start.equals(ZSTD) ? 'zstd' : 'none';
}

function namedCompression(mediaType: string): string {
  return /[.+](gzip|zstd)$/.exec(mediaType)?.[1] ?? 'none';
}

function decompressor(mediaType: string): Transform[] {
  const compression = namedCompression(mediaType);
  if (compression === 'gzip') return [zlib.createGunzip()];
  if (compression === 'none') return [];
  assert('createZstdDecompress' in zlib, `Node ${process.version} cannot read zstd`);
  return [(zlib.createZstdDecompress as () => Transform)()];
}

async function openBlob(registry: RegistryAccess, repository: string, digest: string): Promise<Readable> {
  const response = await get(registry, `${repository}/blobs/${digest}`);
  assert(response.body);
  return Readable.fromWeb(response.body);
}

async function get(registry: RegistryAccess, path: string, headers: Record<string, string> = {}): Promise<Response> {
  const response = await fetch(`${registry.url}/v2/${path}`, { headers: { ...headers, ...authorized(registry) } });
  assert.equal(response.status, 200, `GET ${path}: ${response.status === 200 ? '' : await response.text()}`);
  return response;
}

function authorized({ authorization }: RegistryAccess): Record<string, string> {
  return authorization === undefined ? {} : { authorization };
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
