import type { Readable } from 'node:stream';
import type { Packing } from '../compression/sniff.js';
import type { Descriptor, JsonObject } from '../oci/descriptor.js';
import type { RawManifest } from '../oci/manifest.js';
import type { Platform } from '../oci/platform.js';

/** A layer as it lies in an archive. */
export interface ArchiveLayer {
  /** Name of the entry. */
  entry: string;
  /** Bytes as stored. */
  size: number;
  /** What its first bytes say it is packed with; only `none` is packed on the way, the rest goes byte for byte. */
  packing: Packing;
  /** Digest of the plain tar, from the config; absent for the layers of artifacts that are not images. */
  diffId?: string;
  /** What the archive's own manifest says of it; absent in archives that only `docker save` before version 25 wrote. */
  descriptor?: Descriptor;
  /** Where its stored bytes begin in the tar; archives that cannot jump are read in this order. */
  position: number;
  /** The stored bytes, from the start at every call. */
  open(): Readable;
}

/** A layer that is not pushed because the registry may not hold it; its descriptor names where to download it. */
export interface ForeignLayer {
  /** Name of the entry, which the archive may not hold. */
  entry: string;
  /** Goes into the manifest as it is, `urls` and all. */
  foreign: Descriptor;
}

/**
 * An image configuration with its exact bytes. Source: image-spec v1.1,
 * [config.md](https://github.com/opencontainers/image-spec/blob/v1.1.0/config.md).
 */
export interface ArchiveConfig {
  /** Name of the entry. */
  entry: string;
  /** `sha256:…` of `bytes`. */
  digest: string;
  /** Pushed as they are: another byte would be another image. */
  bytes: Buffer;
  /** `bytes`, parsed; nothing in it has been checked but that it is an object. */
  json: JsonObject;
}

/** The image of one platform. */
export interface ArchiveManifest {
  /** Absent when the config names none, as in artifacts. */
  platform?: Platform;
  /** Of an artifact it may be the empty object, `{}`. */
  config: ArchiveConfig;
  /** Lowest first. */
  layers: readonly (ArchiveLayer | ForeignLayer)[];
  /** The archive's own manifest, to be pushed byte for byte; absent when one has to be made. */
  raw?: RawManifest;
}

/** One thing to push under some names: an image, or an index of images for several platforms. */
export interface ArchiveImage {
  /** As the archive writes them, for example `registry.example.com/team/app:1.2`. */
  tags: readonly string[];
  /** One per platform; a single image has one. */
  manifests: readonly ArchiveManifest[];
  /** Innermost first, the one that is tagged last; empty for a single image. */
  indexes: readonly RawManifest[];
  /** What the archive's index lists but does not hold, for example `linux/arm64 sha256:…`. */
  omitted: readonly string[];
}

export function isForeign(layer: ArchiveLayer | ForeignLayer): layer is ForeignLayer {
  return 'foreign' in layer;
}
