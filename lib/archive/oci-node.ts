import type { Descriptor } from '../oci/descriptor.js';
import { encodeManifest, type ImageIndex, type RawManifest } from '../oci/manifest.js';
import { isIndexMediaType } from '../oci/media-types.js';
import { formatPlatform, isUnknownPlatform, type Platform } from '../oci/platform.js';
import { printable } from '../redact.js';
import type { ArchiveImage, ArchiveManifest } from './archive-image.js';

/** A manifest of a layout with everything below it. */
export interface OciNode extends Omit<ArchiveImage, 'tags'> {
  raw: RawManifest;
}

/** A manifest that is only listed: it, or its config, is not in the archive. */
export interface AbsentNode {
  /** Path of the blob it lacks. */
  absent: string;
}

/** What an index lists, and what was found of it. */
export interface Child {
  listed: Descriptor;
  node: OciNode | AbsentNode;
}

interface PresentChild extends Child {
  node: OciNode;
}

export function isAbsent(node: OciNode | AbsentNode): node is AbsentNode {
  return 'absent' in node;
}

export function imageNode(raw: RawManifest, image: ArchiveManifest): OciNode {
  return { raw, manifests: [image], indexes: [], omitted: [] };
}

/**
 * An index with what the archive holds of it. Unless that is everything, the index is written anew without the rest, and the
 * only image that is left takes its place, as docker push does it. Without any image the index is absent too.
 */
export function indexNode(raw: RawManifest, index: ImageIndex, children: readonly Child[]): OciNode | AbsentNode {
  const present = children.filter(isPresent);
  const absent = children.flatMap(({ listed, node }) => (isAbsent(node) ? [{ listed, node }] : []));
  if (absent.length === 0 && present.every(isUnchanged)) return joined(raw, present);
  const kept = present.filter(({ listed }) => !absent.some((image) => attests(listed, image.listed)));
  const [firstAbsent] = absent;
  if (firstAbsent && kept.every(({ listed }) => isUnknownPlatform(listed.platform))) return firstAbsent.node;
  const [first, ...others] = kept as [PresentChild, ...PresentChild[]];
  const rest = others.length === 0 ? first.node : joined(rewritten(index, kept), kept);
  return { ...rest, omitted: [...rest.omitted, ...absent.map(({ listed }) => describe(listed))] };
}

function isPresent(child: Child): child is PresentChild {
  return !isAbsent(child.node);
}

function isUnchanged({ listed, node }: PresentChild): boolean {
  return listed.digest === node.raw.descriptor.digest;
}

function joined(raw: RawManifest, children: readonly PresentChild[]): OciNode {
  const nodes = children.map(({ node }) => node);
  return {
    raw,
    manifests: nodes.flatMap((node) => node.manifests),
    indexes: [...nodes.flatMap((node) => node.indexes), raw],
    omitted: nodes.flatMap((node) => node.omitted),
  };
}

function rewritten(index: ImageIndex, children: readonly PresentChild[]): RawManifest {
  return encodeManifest({ ...index, manifests: children.map(relisted) });
}

/** An index below may have been written anew too, or have given way to its only image. */
function relisted(child: PresentChild): Descriptor {
  if (isUnchanged(child)) return child.listed;
  const { mediaType, digest, size } = child.node.raw.descriptor;
  const platform = child.listed.platform ?? onlyPlatform(child.node);
  return { ...child.listed, mediaType, digest, size, ...(platform === undefined ? {} : { platform }) };
}

function onlyPlatform({ manifests, indexes }: OciNode): Platform | undefined {
  return indexes.length === 0 ? manifests[0]?.platform : undefined;
}

/** BuildKit ties an attestation to its image by this annotation. Source: buildkit `docs/attestations/attestation-storage.md`. */
function attests(listed: Descriptor, image: Descriptor): boolean {
  return listed.annotations?.['vnd.docker.reference.digest'] === image.digest;
}

function describe({ mediaType, digest, platform }: Descriptor): string {
  if (isUnknownPlatform(platform)) return `attestation ${digest}`;
  const kind = isIndexMediaType(mediaType) ? 'index' : 'manifest';
  return `${platform ? printable(formatPlatform(platform), 100) : kind} ${digest}`;
}
