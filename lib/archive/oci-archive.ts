import { InvalidArgumentError, RegistryClientError, ValidationError } from '../errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import { algorithmOf, digestOf, hexOf } from '../oci/digest.js';
import {
  encodeManifest,
  type ImageIndex,
  type ImageManifest,
  isIndex,
  parseManifest,
  type RawManifest,
} from '../oci/manifest.js';
import { isIndexMediaType } from '../oci/media-types.js';
import { formatPlatform, isUnknownPlatform } from '../oci/platform.js';
import { parseReference, parseRepositoryTag } from '../oci/reference.js';
import { type ArchiveFiles, diffIdsOf, gather, platformOf } from './archive-files.js';
import type { ArchiveConfig, ArchiveImage, ArchiveLayer, ArchiveManifest, ForeignLayer } from './archive-image.js';
import { invalid } from './tar-index.js';

export const OCI_INDEX = 'index.json';

/** Indexes inside indexes deeper than this are an attack. */
const MAX_DEPTH = 8;

/** One manifest of the layout with everything below it. */
interface Node {
  descriptor: Descriptor;
  manifests: readonly ArchiveManifest[];
  indexes: readonly RawManifest[];
  omitted: readonly string[];
}

/**
 * Reads an OCI image layout. Source: image-spec v1.1 image-layout.md.
 *
 * Docker's containerd store saves indexes that list platforms whose blobs it never pulled: those are left out. A platform
 * whose config is there but whose layers are not is damaged, and refused.
 * @throws ValidationError naming every entry that is missing or wrong.
 */
export async function readOciImages(files: ArchiveFiles): Promise<ArchiveImage[]> {
  const { bytes } = await files.json(OCI_INDEX);
  const { manifest } = parsed(bytes, OCI_INDEX);
  if (!isIndex(manifest)) throw invalid(OCI_INDEX, 'is not an image index');
  const roots = mergeNames(manifest.manifests);
  return gather(
    roots.map(
      ([descriptor, tags]) =>
        () =>
          readRoot(files, descriptor, tags),
    ),
  );
}

export function blobPath(digest: string): string {
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`;
}

async function readRoot(files: ArchiveFiles, descriptor: Descriptor, tags: readonly string[]): Promise<ArchiveImage> {
  const node = await readNode(files, descriptor, 0);
  if (typeof node !== 'string') return { tags, ...withoutDescriptor(node) };
  throw invalid(node, `is not in the archive, though ${OCI_INDEX} needs it`);
}

/** The node, or the path of the blob without which it is merely listed here. */
async function readNode(files: ArchiveFiles, descriptor: Descriptor, depth: number): Promise<Node | string> {
  const path = blobPath(descriptor.digest);
  if (!files.index.has(path)) return path;
  if (depth > MAX_DEPTH) throw invalid(path, `is an index nested more than ${MAX_DEPTH} deep`);
  const { bytes } = await files.json(path);
  if (digestOf(bytes, algorithmOf(descriptor.digest)) !== descriptor.digest) {
    throw invalid(path, 'does not have the content its name promises');
  }
  const raw = parsed(bytes, path, descriptor.mediaType);
  raw.descriptor.digest = descriptor.digest;
  return isIndex(raw.manifest)
    ? readIndexNode(files, raw, raw.manifest, depth)
    : readImageNode(files, raw, raw.manifest, descriptor);
}

async function readImageNode(
  files: ArchiveFiles,
  raw: RawManifest,
  manifest: ImageManifest,
  listed: Descriptor,
): Promise<Node | string> {
  const configPath = blobPath(manifest.config.digest);
  if (!files.index.has(configPath)) return configPath;
  const config = await readConfig(files, manifest.config);
  const layers = await gather(manifest.layers.map((layer) => () => readLayer(files, layer)));
  const platform = listed.platform ?? platformOf(config.json);
  const image: ArchiveManifest = {
    config,
    layers: withDiffIds(layers, config, manifest),
    raw,
    ...(platform === undefined ? {} : { platform }),
  };
  return { descriptor: raw.descriptor, manifests: [image], indexes: [], omitted: [] };
}

async function readConfig(files: ArchiveFiles, descriptor: Descriptor): Promise<ArchiveConfig> {
  const path = blobPath(descriptor.digest);
  const bytes = await files.index.readSmall(path, 16 * 1024 * 1024);
  if (digestOf(bytes, algorithmOf(descriptor.digest)) !== descriptor.digest || bytes.length !== descriptor.size) {
    throw invalid(path, 'does not have the content its name promises');
  }
  // Artifacts may carry a config that is no JSON at all.
  const json = /\+json$/.test(descriptor.mediaType) ? (await files.config(path)).json : {};
  return { entry: path, digest: descriptor.digest, bytes, json };
}

async function readLayer(files: ArchiveFiles, descriptor: Descriptor): Promise<ArchiveLayer | ForeignLayer> {
  const path = blobPath(descriptor.digest);
  if (descriptor.urls?.length && !files.index.has(path)) return { entry: path, foreign: descriptor };
  const layer = await files.layer(path);
  if (layer.size === descriptor.size) return { ...layer, descriptor };
  throw invalid(path, `has ${layer.size} bytes where its manifest says ${descriptor.size}`);
}

/** Only images have diff_ids; an artifact's config need not say anything about its layers. */
function withDiffIds(
  layers: readonly (ArchiveLayer | ForeignLayer)[],
  config: ArchiveConfig,
  manifest: ImageManifest,
): ArchiveManifest['layers'] {
  if (!/\.image\.(v1\+json|config\.v1\+json)$/.test(manifest.config.mediaType) || !('rootfs' in config.json))
    return layers;
  const diffIds = diffIdsOf(config);
  const isImage = manifest.layers.every((layer) => /\.(layer|rootfs)\./.test(layer.mediaType));
  if (!isImage) return layers;
  if (diffIds.length !== layers.length) {
    throw invalid(config.entry, `has ${diffIds.length} diff_ids, but its manifest lists ${layers.length} layers`);
  }
  return layers.map((layer, i) => ('foreign' in layer ? layer : { ...layer, diffId: diffIds[i] as string }));
}

async function readIndexNode(
  files: ArchiveFiles,
  raw: RawManifest,
  index: ImageIndex,
  depth: number,
): Promise<Node | string> {
  const children = await gather(
    index.manifests.map((child) => async () => ({ child, node: await readNode(files, child, depth + 1) })),
  );
  const present = children.flatMap(({ child, node }) => (typeof node === 'string' ? [] : [{ child, node }]));
  const absent = children.flatMap(({ child, node }) => (typeof node === 'string' ? [{ child, node }] : []));
  const kept = present.filter(
    ({ child }) =>
      !attestsAnyOf(
        child,
        absent.map((other) => other.child.digest),
      ),
  );
  if (absent.length === 0) return joined(raw, kept);
  if (!kept.some(({ child }) => !isUnknownPlatform(child.platform)))
    return absent[0]?.node ?? blobPath(raw.descriptor.digest);
  const omitted = absent.map(({ child }) => describeChild(child));
  // Like docker push: with a single platform at hand, that image itself is what gets the tag.
  const [only] = kept;
  if (kept.length === 1 && only) return { ...only.node, omitted: [...only.node.omitted, ...omitted] };
  const node = joined(
    encodeManifest({ ...index, manifests: kept.map(({ child, node }) => ({ ...child, ...digestAndSize(node) })) }),
    kept,
  );
  return { ...node, omitted: [...node.omitted, ...omitted] };
}

function joined(raw: RawManifest, children: readonly { node: Node }[]): Node {
  const nodes = children.map(({ node }) => node);
  return {
    descriptor: raw.descriptor,
    manifests: nodes.flatMap((node) => node.manifests),
    indexes: [...nodes.flatMap((node) => node.indexes), raw],
    omitted: nodes.flatMap((node) => node.omitted),
  };
}

/** BuildKit ties an attestation to its image by this annotation. */
function attestsAnyOf(child: Descriptor, digests: readonly string[]): boolean {
  return digests.includes(child.annotations?.['vnd.docker.reference.digest'] ?? '');
}

function describeChild(child: Descriptor): string {
  const kind = isIndexMediaType(child.mediaType) ? 'index' : 'manifest';
  const platform = child.platform && !isUnknownPlatform(child.platform) ? formatPlatform(child.platform) : kind;
  return `${platform} ${child.digest}`;
}

function digestAndSize({
  descriptor: { mediaType, digest, size },
}: Node): Pick<Descriptor, 'mediaType' | 'digest' | 'size'> {
  return { mediaType, digest, size };
}

function withoutDescriptor({ manifests, indexes, omitted }: Node): Omit<ArchiveImage, 'tags'> {
  return { manifests, indexes, omitted };
}

/** The layout lists one manifest once per name; it is one image with several tags. */
function mergeNames(listed: readonly Descriptor[]): (readonly [Descriptor, string[]])[] {
  const roots = new Map<string, readonly [Descriptor, string[]]>();
  for (const descriptor of listed) {
    const [, tags] = roots.get(descriptor.digest) ?? [descriptor, []];
    const name = nameOf(descriptor);
    roots.set(descriptor.digest, [descriptor, name === undefined ? tags : [...new Set([...tags, name])]]);
  }
  return [...roots.values()];
}

/** containerd writes the full name; the spec's own annotation is often only a tag, which names no repository. */
function nameOf({ annotations = {} }: Descriptor): string | undefined {
  const candidates = [annotations['io.containerd.image.name'], annotations['org.opencontainers.image.ref.name']];
  return candidates.find((name) => name !== undefined && isFullName(name));
}

function isFullName(name: string): boolean {
  if (!/[/:]/.test(name)) return false;
  try {
    return parseReference(name).digest === undefined && parseRepositoryTag(name).tag !== '';
  } catch (error) {
    if (error instanceof InvalidArgumentError) return false;
    throw error;
  }
}

function parsed(bytes: Buffer, path: string, mediaType?: string): RawManifest {
  try {
    return parseManifest(bytes, mediaType);
  } catch (error) {
    if (error instanceof RegistryClientError && !(error instanceof ValidationError))
      throw invalid(path, `is damaged: ${error.message}`);
    throw error;
  }
}
