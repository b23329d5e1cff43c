import type { Readable } from 'node:stream';
import type { RawManifest } from '../oci/manifest.js';

/** A store may answer at once or later. */
export type Awaitable<T> = T | Promise<T>;

/** First and last byte, both included. */
export interface ByteRange {
  /** From 0. */
  start: number;
  /** Not less than `start`, and less than the size. */
  end: number;
}

/** A blob that is there. */
export interface StoredBlob {
  /** Bytes. */
  readonly size: number;
  /** All of it, or the bytes of `range`, which lies within. Goes on to the end when the blob is deleted meanwhile. */
  read(range?: ByteRange): Readable;
}

/** Content on its way in. It belongs to no repository, and nobody else can read it, until it is committed. */
export interface BlobWriter {
  /** Appends, and may keep the chunk itself. When it fails, nothing of the chunk counts and it may be written again. */
  write(chunk: Buffer): Awaitable<void>;
  /** Everything written so far. */
  read(): Readable;
  /** Makes the content a blob of the repository. The caller has checked the digest. */
  commit(repository: string, digest: string): Awaitable<void>;
  /** Forgets everything written. Nothing follows it. */
  discard(): Awaitable<void>;
}

/** Keeps blobs, each once for all repositories that have it. */
export interface BlobStore {
  /** Begins a content whose digest is not known yet. */
  createBlob(): Awaitable<BlobWriter>;
  /** Undefined when the repository does not have it. */
  getBlob(repository: string, digest: string): Awaitable<StoredBlob | undefined>;
  /** Adds a blob of `from`, or of any repository when that is absent. False when there is none. */
  mountBlob(repository: string, digest: string, from?: string): Awaitable<boolean>;
  /** False when it was not there. */
  deleteBlob(repository: string, digest: string): Awaitable<boolean>;
}

/** Keeps manifests and tags, each for its repository. */
export interface ManifestStore {
  /** Undefined when the repository does not have it. */
  getManifest(repository: string, digest: string): Awaitable<RawManifest | undefined>;
  /** Stores it under its descriptor's digest and, in the same step, points the tags at it. */
  putManifest(repository: string, manifest: RawManifest, ...tags: string[]): Awaitable<void>;
  /** Deletes the manifest and every tag on it. False when it was not there. */
  deleteManifest(repository: string, digest: string): Awaitable<boolean>;
  /** The repository's manifests whose subject has this digest. */
  listReferrers(repository: string, subject: string): Awaitable<RawManifest[]>;
  /** The digest the tag points at. */
  resolveTag(repository: string, tag: string): Awaitable<string | undefined>;
  /** Deletes the tag only. False when it was not there. */
  deleteTag(repository: string, tag: string): Awaitable<boolean>;
  /** In any order. */
  listTags(repository: string): Awaitable<string[]>;
}

/**
 * Where a registry keeps its content. Names, tags and digests are valid when they get here, and content has the digest it is
 * stored under; the protocol and its upload sessions are not the store's business.
 */
export interface Store extends BlobStore, ManifestStore {
  /** A repository is there while it holds a blob or a manifest. */
  hasRepository(repository: string): Awaitable<boolean>;
  /** In any order. */
  listRepositories(): Awaitable<string[]>;
}
