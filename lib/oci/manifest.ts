import { printable } from '../redact.js';
import { digestOf } from './digest.js';
import {
  type Descriptor,
  isJsonObject,
  type JsonObject,
  malformed,
  parseAnnotations,
  parseDescriptor,
} from './descriptor.js';
import { bareMediaType, isIndexMediaType, isManifestMediaType, MediaType } from './media-types.js';

/**
 * One image or artifact. Source: image-spec v1.1,
 * [manifest.md](https://github.com/opencontainers/image-spec/blob/v1.1.0/manifest.md).
 */
export interface ImageManifest {
  /** Always 2; schema 1 is refused. */
  schemaVersion: 2;
  /** Where the bytes name none: what they were served under, else that of OCI. */
  mediaType: string;
  /** What it is, where it is no image. */
  artifactType?: string;
  /** Of an artifact often the empty object, `MediaType.ociEmpty`. */
  config: Descriptor;
  /** Lowest first. */
  layers: readonly Descriptor[];
  /** What it refers to, as a signature refers to its image: `listReferrers` of that finds it. */
  subject?: Descriptor;
  /** Absent for none. */
  annotations?: Readonly<Record<string, string>>;
}

/**
 * A list of manifests, usually one per platform. Source: image-spec v1.1,
 * [image-index.md](https://github.com/opencontainers/image-spec/blob/v1.1.0/image-index.md).
 */
export interface ImageIndex {
  /** Always 2; schema 1 is refused. */
  schemaVersion: 2;
  /** Where the bytes name none: what they were served under, else that of OCI. */
  mediaType: string;
  /** What it is, where it is no image. */
  artifactType?: string;
  /** In the order of preference; an index may list other indexes. */
  manifests: readonly Descriptor[];
  /** What it refers to, as a signature refers to its image: `listReferrers` of that finds it. */
  subject?: Descriptor;
  /** Absent for none. */
  annotations?: Readonly<Record<string, string>>;
}

/** What a tag or digest can stand for; {@link isIndex} tells which. */
export type Manifest = ImageManifest | ImageIndex;

/** A manifest with the exact bytes its digest is computed from. */
export interface RawManifest {
  /** Of `bytes`: type, digest and size. */
  descriptor: Descriptor;
  /** As they were served or are to be stored; never written anew. */
  bytes: Buffer;
  /** `bytes`, parsed: the fields this package knows. */
  manifest: Manifest;
}

/** Registries must take manifests of at least this size; most refuse larger ones. Source: distribution-spec v1.1. */
export const MAX_MANIFEST_SIZE = 4 * 1024 * 1024;

/** Whether it lists other manifests, in place of layers. */
export function isIndex(manifest: Manifest): manifest is ImageIndex {
  return 'manifests' in manifest;
}

/**
 * Reads a manifest or an index from its raw bytes.
 *
 * A body that is both, or whose own `mediaType` contradicts the type it was served under, is refused: two clients could
 * read two different images from it (CVE-2021-41190).
 * @param contentType - what it was served or listed under; absent when unknown
 * @throws RegistryClientError with code `MANIFEST_INVALID`.
 */
export function parseManifest(bytes: Uint8Array, contentType?: string): RawManifest {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const json = parseJsonObject(buffer);
  if (json.schemaVersion === 1) throw malformed('the manifest is of Docker schema 1, which is no longer supported');
  if (json.schemaVersion !== 2) throw malformed('the manifest has no schemaVersion 2');
  assertOneReading(json);
  const mediaType = decideMediaType(json, contentType);
  const manifest = isIndexMediaType(mediaType) ? readIndex(json, mediaType) : readImage(json, mediaType);
  return { descriptor: { mediaType, digest: digestOf(buffer), size: buffer.length }, bytes: buffer, manifest };
}

/** Bytes and descriptor of a manifest of our own making; the fields keep the order they have. */
export function encodeManifest(manifest: Manifest): RawManifest {
  const bytes = Buffer.from(JSON.stringify(manifest));
  return {
    descriptor: { mediaType: manifest.mediaType, digest: digestOf(bytes), size: bytes.length },
    bytes,
    manifest,
  };
}

function parseJsonObject(bytes: Buffer): JsonObject {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw Object.assign(malformed('the manifest is not JSON'), { cause });
  }
  if (!isJsonObject(json)) throw malformed('the manifest is not a JSON object');
  return json;
}

/**
 * Go programs read `Layers` as `layers`, and of both take the last one: they would see another image than we do.
 * Source: Go `encoding/json`, "Unmarshal".
 */
function assertOneReading(json: JsonObject): void {
  const fields = Object.keys(json).map((key) => key.toLowerCase());
  const isBoth = fields.includes('manifests') && (fields.includes('layers') || fields.includes('config'));
  if (isBoth) throw malformed('the manifest is an image and an index at once');
  const twice = ['schemaversion', 'mediatype', 'config', 'layers', 'manifests'].find(
    (field) => fields.indexOf(field) !== fields.lastIndexOf(field),
  );
  if (twice !== undefined) throw malformed(`the manifest has ${twice} twice, in different letters`);
}

function decideMediaType(json: JsonObject, contentType: string | undefined): string {
  const own = typeof json.mediaType === 'string' ? json.mediaType : undefined;
  const served = contentType === undefined ? undefined : bareMediaType(contentType);
  const servedAs = served !== undefined && isManifestMediaType(served) ? served : undefined;
  if (own !== undefined && servedAs !== undefined && own !== servedAs) {
    throw malformed(`the manifest calls itself ${printable(own, 200)} but is served as ${servedAs}`);
  }
  const mediaType = own ?? servedAs ?? ('manifests' in json ? MediaType.ociIndex : MediaType.ociManifest);
  if (!isManifestMediaType(mediaType))
    throw malformed(`the manifest has the unknown type ${printable(mediaType, 200)}`);
  return mediaType;
}

function readImage(json: JsonObject, mediaType: string): ImageManifest {
  if (!Array.isArray(json.layers)) throw malformed('the manifest has no layers');
  return {
    schemaVersion: 2,
    mediaType,
    config: parseDescriptor(json.config, 'config of the manifest'),
    layers: json.layers.map((layer, i) => parseDescriptor(layer, `layers[${i}] of the manifest`)),
    ...sharedFields(json),
  };
}

function readIndex(json: JsonObject, mediaType: string): ImageIndex {
  if (!Array.isArray(json.manifests)) throw malformed('the index has no manifests');
  return {
    schemaVersion: 2,
    mediaType,
    manifests: json.manifests.map((child, i) => parseDescriptor(child, `manifests[${i}] of the index`)),
    ...sharedFields(json),
  };
}

function sharedFields(json: JsonObject): Pick<Manifest, 'artifactType' | 'subject' | 'annotations'> {
  return {
    ...(typeof json.artifactType === 'string' ? { artifactType: json.artifactType } : {}),
    ...(json.subject == null ? {} : { subject: parseDescriptor(json.subject, 'subject of the manifest') }),
    ...(json.annotations == null ? {} : { annotations: parseAnnotations(json.annotations, 'the manifest') }),
  };
}
