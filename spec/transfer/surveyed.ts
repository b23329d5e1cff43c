import { Readable } from 'node:stream';
import type { Descriptor } from '../../lib/oci/descriptor.js';
import { digestOf } from '../../lib/oci/digest.js';
import { encodeManifest, type RawManifest } from '../../lib/oci/manifest.js';
import { MediaType } from '../../lib/oci/media-types.js';
import type { SurveyServices } from '../../lib/transfer/repository-survey.js';

/** A layer in a registry: what it is unpacked, and the type it is stored under. */
export interface StoredLayer {
  plain: string;
  mediaType?: string;
  urls?: readonly string[];
}

export function diffIdOf(plain: string): string {
  return digestOf(plain);
}

/** The packed form that `plain` has in a registry; it need not be gzip, for nobody unpacks it. */
export function packedOf(plain: string): Buffer {
  return Buffer.from(`packed ${plain}`);
}

export function descriptorOf({ plain, mediaType = MediaType.dockerLayerGzip, urls }: StoredLayer): Descriptor {
  const bytes = packedOf(plain);
  return { mediaType, digest: digestOf(bytes), size: bytes.length, ...(urls ? { urls } : {}) };
}

export function configOf(layers: readonly StoredLayer[], more: object = {}): Buffer {
  const diff_ids = layers.map(({ plain }) => diffIdOf(plain));
  return Buffer.from(
    JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids }, ...more }),
  );
}

export function imageManifest(layers: readonly StoredLayer[], config: Buffer): RawManifest {
  return encodeManifest({
    schemaVersion: 2,
    mediaType: MediaType.dockerManifest,
    config: { mediaType: MediaType.dockerConfig, digest: digestOf(config), size: config.length },
    layers: layers.map(descriptorOf),
  });
}

/** Puts an image into a repository as somebody else may have, under a tag or, without one, its digest. */
export async function store(
  { blobs, manifests }: SurveyServices,
  name: string,
  layers: readonly StoredLayer[],
  config = configOf(layers),
): Promise<RawManifest> {
  const [repository, tag] = name.split(':') as [string, string?];
  const raw = imageManifest(layers, config);
  const contents = [config, ...layers.filter(({ urls }) => !urls).map(({ plain }) => packedOf(plain))];
  for (const bytes of contents) {
    const descriptor = { mediaType: 'blob', digest: digestOf(bytes), size: bytes.length };
    await blobs.push(repository, { descriptor, open: () => Readable.from([bytes], { objectMode: false }) });
  }
  await manifests.push(repository, tag ?? raw.descriptor.digest, raw);
  return raw;
}
