import { type ArchiveImage, type ArchiveManifest, isForeign } from '../archive/archive-image.js';
import { invalid } from '../archive/problems.js';
import type { Compressor } from '../compression/compressor.js';
import type { Packing } from '../compression/sniff.js';
import type { Descriptor } from '../oci/descriptor.js';
import { encodeManifest, type RawManifest } from '../oci/manifest.js';
import { MediaType } from '../oci/media-types.js';
import { configContent, type Content, layerContent } from './layer-content.js';

/** An image of an archive, and the tag it goes to. */
export interface PushTarget {
  image: ArchiveImage;
  repository: string;
  tag: string;
}

/** A content and every repository that needs it, the one it is sent to first. */
export interface PlannedBlob {
  content: Content;
  repositories: readonly string[];
  /** What lies elsewhere in the archive and should be the same. */
  twins?: readonly Content[];
}

/** A manifest that can be written once its contents have digests. */
export interface PlannedManifest {
  /** Of everything it names and the archive holds. */
  contents: readonly Content[];
  /** @param digests - descriptor of every content, by key */
  build(digests: ReadonlyMap<string, Descriptor>): RawManifest;
}

/** All that a push has to do. */
export interface PushWork {
  /** In the order of the archive's images; each key once. */
  blobs: readonly PlannedBlob[];
  manifests: ReadonlyMap<ArchiveImage, readonly PlannedManifest[]>;
}

/**
 * Decides what is pushed where, each content once, without reading any of it.
 * @throws ValidationError when two configs do not agree on what a layer is
 */
export function planWork(targets: readonly PushTarget[], compressor: Compressor | undefined): PushWork {
  const manifests = new Map<ArchiveImage, PlannedManifest[]>();
  const contents = new Map<string, Content>();
  const repositories = new Map<string, Set<string>>();
  const places = new Map<string, Map<number, Content>>();
  for (const { image, repository } of targets) {
    const planned = manifests.get(image) ?? image.manifests.map((manifest) => planManifest(manifest, compressor));
    manifests.set(image, planned);
    for (const content of planned.flatMap((manifest) => manifest.contents)) {
      const { key } = content;
      contents.set(key, merged(contents.get(key), content));
      repositories.set(key, (repositories.get(key) ?? new Set()).add(repository));
      places.set(key, (places.get(key) ?? new Map<number, Content>()).set(content.position, content));
    }
  }
  const blobs = [...contents].map(([key, content]): PlannedBlob => {
    const twins = [...(places.get(key)?.values() ?? [])].filter(({ position }) => position !== content.position);
    const planned = { content, repositories: [...(repositories.get(key) ?? [])] };
    return twins.length > 0 ? { ...planned, twins } : planned;
  });
  return { blobs, manifests };
}

/** Of equal contents the one that will be checked most; it is read only once, so it cannot be checked for both. */
function merged(known: Content | undefined, content: Content): Content {
  if (known?.diffId === undefined) return content;
  if (content.diffId === undefined || content.diffId === known.diffId) return known;
  throw invalid(
    content.entry,
    `cannot have both diff_ids that configs name for it, ${known.diffId} and ${content.diffId}`,
  );
}

function planManifest(manifest: ArchiveManifest, compressor: Compressor | undefined): PlannedManifest {
  const { raw } = manifest;
  const layers = manifest.layers.map((layer) => (isForeign(layer) ? layer.foreign : layerContent(layer, compressor)));
  const types = mediaTypesFor(layers);
  const config = configContent(manifest.config, types.config);
  const contents = [config, ...layers.filter(isContent)];
  return { contents, build: (digests) => raw ?? buildManifest(types, config, layers, digests) };
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

/** The fields in the order in which docker writes them. Source: distribution `manifest/schema2/manifest.go`. */
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
    layers: layers.map((layer) => (isContent(layer) ? describe(layer, types.layer(layer.packing)) : inOrder(layer))),
  });
}

function inOrder({ mediaType, size, digest, ...rest }: Descriptor): Descriptor {
  return { mediaType, size, digest, ...rest };
}

function isContent(layer: Content | Descriptor): layer is Content {
  return 'prepare' in layer;
}
