import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import type { Store } from '../../lib/embedded/store.js';
import { digestOfContent } from './content.js';
import type { BuiltImage, BuiltLayer } from './image-model.js';
import type { StoredManifest } from './reading-back.js';

/** Digests by `repository:tag`. */
export async function tagsOf(store: Store): Promise<Record<string, string | undefined>> {
  const tags: [string, string | undefined][] = [];
  for (const repository of (await store.listRepositories()).sort()) {
    for (const tag of (await store.listTags(repository)).sort()) {
      tags.push([`${repository}:${tag}`, await store.resolveTag(repository, tag)]);
    }
  }
  return Object.fromEntries(tags);
}

/** @throws AssertionError unless both have the same tags for the same manifests */
export async function assertSameTags(actual: readonly Store[], expected: readonly Store[]): Promise<void> {
  assert.deepEqual(await Promise.all(actual.map(tagsOf)), await Promise.all(expected.map(tagsOf)));
}

/** @throws AssertionError unless every tag of a registry stands for one of the images, each byte as it should be */
export async function assertImages(store: Store, images: readonly BuiltImage[]): Promise<void> {
  const known = new Map(images.map((image) => [image.configDigest, image]));
  for (const [name, digest] of Object.entries(await tagsOf(store))) {
    await assertImage({ store, repository: name.slice(0, name.lastIndexOf(':')), known }, digest as string);
  }
}

interface Place {
  store: Store;
  repository: string;
  known: ReadonlyMap<string, BuiltImage>;
}

async function assertImage(place: Place, digest: string): Promise<void> {
  const { store, repository, known } = place;
  const raw = await store.getManifest(repository, digest);
  assert.ok(raw, `the manifest ${digest} is not there`);
  assert.equal(sha256(Buffer.from(raw.bytes)), digest);
  const { manifests, config, layers = [] } = JSON.parse(raw.bytes.toString()) as StoredManifest;
  if (manifests) {
    // Those of other platforms were not in the archive, and are named nevertheless.
    const there = await Promise.all(
      manifests.map(async (one) => [one, await store.getManifest(repository, one.digest)] as const),
    );
    const held = there.filter(([, found]) => found !== undefined);
    assert.ok(held.length > 0, 'an index without any image');
    for (const [{ digest: child }] of held) await assertImage(place, child);
    return;
  }
  const image = known.get(config?.digest ?? '');
  assert.ok(image, `no image has the config ${config?.digest}`);
  assert.deepEqual(await blob(place, image.configDigest), image.config);
  assert.equal(layers.length, image.layers.length);
  for (const [index, { digest: name, size }] of layers.entries()) {
    const stored = await blob(place, name);
    assert.equal(stored.length, size, `the size of ${name}`);
    const layer = image.layers[index] as BuiltLayer;
    const isPacked = layer.stored !== layer.plain;
    if (isPacked) assert.equal(name, layer.digest, 'a packed layer is another one');
    const plain = name === layer.diffId ? stored : gunzipSync(stored);
    assert.equal(sha256(plain), digestOfContent(layer.plain), `the layer ${name} is another one`);
  }
}

async function blob({ store, repository }: Place, digest: string): Promise<Buffer> {
  const stored = await store.getBlob(repository, digest);
  assert.ok(stored, `the blob ${digest} is not there`);
  const bytes = await buffer(stored.read());
  assert.equal(sha256(bytes), digest, 'a blob is not what its digest says');
  return bytes;
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
