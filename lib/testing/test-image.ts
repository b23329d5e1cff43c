import type { Descriptor } from '../oci/descriptor.js';
import { encodeManifest, type RawManifest } from '../oci/manifest.js';
import { MediaType } from '../oci/media-types.js';
import { parsePlatform } from '../oci/platform.js';
import { blobOf, type TestBlob, type TestLayer } from './layer.js';

/** An image for one platform. */
export interface TestImage {
  /** `linux/amd64`. */
  platform: string;
  config: TestBlob;
  manifest: RawManifest;
}

const CREATED = '1970-01-01T00:00:00Z';

export function imageOf(platform: string, layers: readonly TestLayer[]): TestImage {
  const config = blobOf(
    JSON.stringify({
      created: CREATED,
      ...parsePlatform(platform),
      config: {},
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
      history: layers.map(() => ({ created: CREATED, created_by: 'imageTar' })),
    }),
  );
  const manifest = encodeManifest({
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config: descriptorOf(MediaType.ociConfig, config),
    layers: layers.map((layer) => descriptorOf(layer.mediaType, layer)),
  });
  return { platform, config, manifest };
}

/** The index of several images. */
export function rootOf(images: readonly TestImage[]): RawManifest {
  const manifests = images.map(({ platform, manifest }) => ({
    ...manifest.descriptor,
    platform: parsePlatform(platform),
  }));
  return encodeManifest({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests });
}

export function descriptorOf(mediaType: string, { digest, bytes }: TestBlob): Descriptor {
  return { mediaType, digest, size: bytes.length };
}
