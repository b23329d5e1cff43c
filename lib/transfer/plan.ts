import { type ArchiveImage, type ArchiveManifest, isForeign } from '../archive/archive-image.js';
import type { Compressor } from '../compression/compressor.js';
import type { Packing } from '../compression/sniff.js';
import type { Descriptor } from '../oci/descriptor.js';
import { encodeManifest, type RawManifest } from '../oci/manifest.js';
import { MediaType } from '../oci/media-types.js';
import { configContent, type Content, layerContent } from './layer-content.js';

/** An image of an archive, and where it goes. */
export interface PushTarget {
  image: ArchiveImage;
  repository: string;
  tags: readonly string[];
}

/** A content and every repository that needs it, the one it is sent to first. */
export interface PlannedBlob {
  content: Content;
  repositories: readonly string[];
}

/** A manifest that can be written once its contents have digests. */
export interface PlannedManifest {
  /** Of everything it names, for counting. */
  keys: readonly string[];
  /** @param digests - descriptor of every key */
  build(digests: ReadonlyMap<string, Descriptor>): RawManifest;
}

export interface PlannedImage extends PushTarget {
  manifests: readonly PlannedManifest[];
}

export interface PushPlan {
  blobs: readonly PlannedBlob[];
  images: readonly PlannedImage[];
}

/** Decides what is pushed where, each content once, without reading any of it. */
export function planPush(targets: readonly PushTarget[], compressor: Compressor | undefined): PushPlan {
  const blobs = new Map<string, { content: Content; repositories: Set<string> }>();
  const images = targets.map((target) => {
    const planned = target.image.manifests.map((manifest) => planManifest(manifest, compressor));
    for (const content of planned.flatMap(({ contents }) => contents)) {
      const blob = blobs.get(content.key) ?? { content, repositories: new Set() };
      blobs.set(content.key, { ...blob, repositories: blob.repositories.add(target.repository) });
    }
    return { ...target, manifests: planned };
  });
  return {
    blobs: [...blobs.values()].map(({ content, repositories }) => ({ content, repositories: [...repositories] })),
    images,
  };
}

function planManifest(
  manifest: ArchiveManifest,
  compressor: Compressor | undefined,
): PlannedManifest & { contents: Content[] } {
  const { raw } = manifest;
  const layers = manifest.layers.map((layer) =>
    isForeign(layer) ? layer.foreign : layerContent(layer, raw ? undefined : compressor),
  );
  const types = mediaTypesFor(layers);
  const config = configContent(manifest.config, types.config);
  const contents = [config, ...layers.filter(isContent)];
  const keys = contents.map(({ key }) => key);
  if (raw) return { keys, contents, build: () => raw };
  return { keys, contents, build: (digests) => buildManifest(types, config, layers, digests) };
}

interface ManifestTypes {
  manifest: string;
  config: string;
  layer: (packing: Packing) => string;
}

/** What docker push writes; Docker's schema 2 has no type for zstd, so an image with such a layer is written as OCI. */
function mediaTypesFor(layers: readonly (Content | Descriptor)[]): ManifestTypes {
  if (!layers.some((layer) => isContent(layer) && layer.packing === 'zstd')) return DOCKER_TYPES;
  return OCI_TYPES;
}

const DOCKER_TYPES: ManifestTypes = {
  manifest: MediaType.dockerManifest,
  config: MediaType.dockerConfig,
  layer: (packing) => (packing === 'none' ? MediaType.dockerLayer : MediaType.dockerLayerGzip),
};

const OCI_TYPES: ManifestTypes = {
  manifest: MediaType.ociManifest,
  config: MediaType.ociConfig,
  layer: (packing) => {
    if (packing === 'none') return MediaType.ociLayer;
    return packing === 'zstd' ? MediaType.ociLayerZstd : MediaType.ociLayerGzip;
  },
};

function buildManifest(
  types: ManifestTypes,
  config: Content,
  layers: readonly (Content | Descriptor)[],
  digests: ReadonlyMap<string, Descriptor>,
): RawManifest {
  const describe = ({ key }: Content, mediaType: string): Descriptor => {
    const { size, digest } = digests.get(key) as Descriptor;
    return { mediaType, size, digest };
  };
  return encodeManifest({
    schemaVersion: 2,
    mediaType: types.manifest,
    config: describe(config, types.config),
    layers: layers.map((layer) => (isContent(layer) ? describe(layer, types.layer(layer.packing)) : layer)),
  });
}

function isContent(layer: Content | Descriptor): layer is Content {
  return 'prepare' in layer;
}
