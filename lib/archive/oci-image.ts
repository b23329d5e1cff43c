import { type Descriptor, isJsonObject, type JsonObject } from '../oci/descriptor.js';
import { algorithmOf, digestOf, hexOf, isDigest } from '../oci/digest.js';
import type { ImageManifest } from '../oci/manifest.js';
import { type ArchiveFiles, assertUsualPacking, configIn, diffIdsOf } from './archive-files.js';
import { type ArchiveConfig, type ArchiveLayer, type ArchiveManifest, type ForeignLayer } from './archive-image.js';
import { invalid, type Problems } from './problems.js';

const IMAGE_CONFIG = /^application\/vnd\.(docker\.container\.image|oci\.image\.config)\.v1\+json$/;
const IMAGE_LAYER = /^application\/vnd\.(docker\.image\.rootfs\.|oci\.image\.layer\.)/;

/** Name of a blob in a layout. Source: image-spec v1.1 image-layout.md, "Blobs". */
export function blobPath(digest: string): string {
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`;
}

/** The digest that a name in a layout claims; undefined when it is no name of a blob. */
export function digestInBlobPath(name: string): string | undefined {
  const [, algorithm, hex] = /^blobs\/(sha\d+)\/([0-9a-f]+)$/.exec(name) ?? [];
  const digest = `${algorithm}:${hex}`;
  return isDigest(digest) ? digest : undefined;
}

/** The bytes of a small blob. @throws ValidationError when they are not what the descriptor says. */
export async function readBlob(files: ArchiveFiles, { digest, size }: Descriptor): Promise<Buffer> {
  const path = blobPath(digest);
  const bytes = await files.bytes(path);
  if (bytes.length !== size) throw invalid(path, `has ${bytes.length} bytes where ${size} are promised`);
  if (digestOf(bytes, algorithmOf(digest)) !== digest)
    throw invalid(path, 'does not have the content its name promises');
  return bytes;
}

export async function readOciConfig(files: ArchiveFiles, descriptor: Descriptor): Promise<ArchiveConfig> {
  const bytes = await readBlob(files, descriptor);
  const entry = blobPath(descriptor.digest);
  const isImage = IMAGE_CONFIG.test(descriptor.mediaType);
  const json = isImage ? configIn(bytes, entry) : jsonOfArtifact(bytes);
  return { entry, digest: descriptor.digest, bytes, json };
}

/** Every layer that is not broken; what is wrong with the others goes to `problems`. */
export async function readOciLayers(
  files: ArchiveFiles,
  manifest: ImageManifest,
  config: ArchiveConfig | undefined,
  problems: Problems,
): Promise<ArchiveManifest['layers']> {
  const diffIds = config && (await problems.attempt(() => checkedDiffIds(config, manifest)));
  const layers: (ArchiveLayer | ForeignLayer)[] = [];
  for (const [i, descriptor] of manifest.layers.entries()) {
    const layer = await problems.attempt(() => readLayer(files, descriptor, diffIds?.[i]));
    if (layer) layers.push(layer);
  }
  return layers;
}

/** Undefined for artifacts: only images have diff_ids, and what an artifact's config says of its layers is its own affair. */
function checkedDiffIds(
  config: ArchiveConfig,
  { config: described, layers }: ImageManifest,
): readonly string[] | undefined {
  const isImage =
    IMAGE_CONFIG.test(described.mediaType) && layers.every(({ mediaType }) => IMAGE_LAYER.test(mediaType));
  if (!isImage || !('rootfs' in config.json)) return undefined;
  const diffIds = diffIdsOf(config);
  if (diffIds.length === layers.length) return diffIds;
  throw invalid(config.entry, `has ${diffIds.length} diff_ids, but its manifest lists ${layers.length} layers`);
}

async function readLayer(
  files: ArchiveFiles,
  descriptor: Descriptor,
  diffId: string | undefined,
): Promise<ArchiveLayer | ForeignLayer> {
  const path = blobPath(descriptor.digest);
  if (descriptor.urls?.length && !files.has(path)) return { entry: path, foreign: descriptor };
  const layer = await files.layer(path);
  if (layer.size !== descriptor.size) {
    throw invalid(path, `has ${layer.size} bytes where its manifest says ${descriptor.size}`);
  }
  if (diffId === undefined) return { ...layer, descriptor };
  assertUsualPacking(layer);
  return { ...layer, descriptor, diffId };
}

/** It may hold anything, or nothing at all. */
function jsonOfArtifact(bytes: Buffer): JsonObject {
  try {
    const json: unknown = JSON.parse(bytes.toString('utf8'));
    return isJsonObject(json) ? json : {};
  } catch {
    return {};
  }
}
