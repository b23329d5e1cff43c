import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import type { ArchiveConfig, ArchiveImage, ArchiveLayer, ArchiveManifest } from '../../lib/archive/archive-image.js';
import { digestOf } from '../../lib/oci/digest.js';
import { encodeManifest, type RawManifest } from '../../lib/oci/manifest.js';
import { MediaType } from '../../lib/oci/media-types.js';

/** A layer whose stored bytes are `stored` and whose plain ones are `plain`, in chunks of 1000 bytes. */
export function layerOf(plain: string, stored: Buffer, more: Partial<ArchiveLayer> = {}): ArchiveLayer {
  return {
    entry: `${plain.slice(0, 20)}/layer.tar`,
    size: stored.length,
    packing: 'none',
    diffId: digestOf(plain),
    position: 0,
    open: () => Readable.from(chunksOf(stored), { objectMode: false }),
    ...more,
  };
}

/** As `docker save` before 25 has it: only its plain digest is known. */
export function plainLayer(plain: string, more: Partial<ArchiveLayer> = {}): ArchiveLayer {
  return layerOf(plain, Buffer.from(plain), more);
}

export function gzipLayer(plain: string, more: Partial<ArchiveLayer> = {}): ArchiveLayer {
  return layerOf(plain, gzipSync(plain), { packing: 'gzip', ...more });
}

/** As an OCI layout has it: its manifest says what its stored bytes are. */
export function ociLayer(plain: string, more: Partial<ArchiveLayer> = {}): ArchiveLayer {
  const stored = gzipSync(plain);
  const descriptor = { mediaType: MediaType.ociLayerGzip, digest: digestOf(stored), size: stored.length };
  return layerOf(plain, stored, { packing: 'gzip', descriptor, ...more });
}

export function configOf(json: object): ArchiveConfig {
  const bytes = Buffer.from(JSON.stringify(json));
  return { entry: `${digestOf(bytes).slice(7)}.json`, digest: digestOf(bytes), bytes, json: { ...json } };
}

/** A manifest of `docker save`, which has to be made, for linux/amd64. */
export function manifestOf(layers: ArchiveManifest['layers'], more: Partial<ArchiveManifest> = {}): ArchiveManifest {
  const diffIds = layers.map((layer) => ('diffId' in layer ? layer.diffId : 'foreign'));
  const platform = more.platform ?? { os: 'linux', architecture: 'amd64' };
  const config = configOf({ ...platform, rootfs: { type: 'layers', diff_ids: diffIds } });
  return { config, layers, platform, ...more };
}

/** One with its own manifest, as an OCI layout has it. */
export function ociManifestOf(layers: readonly ArchiveLayer[], more: Partial<ArchiveManifest> = {}): ArchiveManifest {
  const manifest = manifestOf(layers, more);
  const { digest, bytes } = manifest.config;
  const raw = encodeManifest({
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config: { mediaType: MediaType.ociConfig, digest, size: bytes.length },
    layers: layers.map(({ descriptor }) => descriptor!),
  });
  return { ...manifest, raw };
}

export function indexOf(children: readonly RawManifest[]): RawManifest {
  return encodeManifest({
    schemaVersion: 2,
    mediaType: MediaType.ociIndex,
    manifests: children.map(({ descriptor }) => descriptor),
  });
}

export function imageOf(manifests: readonly ArchiveManifest[], more: Partial<ArchiveImage> = {}): ArchiveImage {
  return { tags: [], manifests, indexes: [], omitted: [], ...more };
}

function* chunksOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
}
