import type { Readable } from 'node:stream';
import type { ArchiveFormat } from './archive/image-files.js';
import type { ArchiveInput, TarArchive } from './archive/tar-archive.js';
import type { Compressor } from './compression/compressor.js';
import type { RegistryClientOptions } from './options.js';
import type { RegistryClient } from './registry-client.js';
import type { CallOptions } from './services/requests.js';
import type { ServiceOverrides } from './service-overrides.js';
import type { CopyEvent } from './transfer/copy.js';
import type { OnProgress } from './transfer/progress.js';
import type { PullEvent } from './transfer/pull.js';
import type { NamedTargetOptions, OriginalTargetOptions } from './transfer/targets.js';

export type { CallOptions } from './services/requests.js';

/** How layers that are plain in the archive are pushed; packed ones always go byte for byte. */
export interface TransferOptions extends Pick<CallOptions, 'signal'> {
  /** Default `gzip`, like docker push. `zstd` needs Node 22.15, and makes OCI manifests. */
  compression?: 'gzip' | 'zstd' | 'none';
  /**
   * What makes gzip: `igzip` or `pigz`, found on the PATH; `builtin`, a deflate encoder in WebAssembly on up to four threads of this
   * process, some 18 MB each; `auto`, `igzip` where it is there, else `builtin`; or your own. A program that fails is
   * replaced by `builtin`, with a `warning`. Default `auto`.
   */
  compressor?: 'auto' | 'builtin' | 'igzip' | 'pigz' | Compressor;
  /** A repository of the same registry that may have some of the blobs: those are linked, not sent. */
  mountFrom?: string;
  /**
   * Tags of the same repository whose images may have some of the layers: those are neither read nor sent. Looked at besides
   * the tags to be pushed, `latest`, and a few that look like them.
   */
  layersFrom?: readonly string[];
  /** Blobs at once. Default: that of the client. */
  concurrency?: number;
  /** Hears each {@link PushEvent} as it happens; what it throws ends the push. Default: nobody does. */
  onProgress?: OnProgress;
}

/** How one image is pushed under a name, and which one of an archive with several. */
export interface PushOptions extends TransferOptions, NamedTargetOptions {}

/** How the images of an archive are pushed under the tags they were saved with, and under which of them. */
export interface PushOriginalTagsOptions extends TransferOptions, OriginalTargetOptions {}

/** How a push is planned: everything that decides what it would do. */
export type PlanOptions = Omit<TransferOptions, 'onProgress'>;

/** How a push under a name is planned. */
export interface PlanPushOptions extends PlanOptions, NamedTargetOptions {}

/** How a push under the original tags is planned. */
export interface PlanOriginalTagsOptions extends PlanOptions, OriginalTargetOptions {}

/** What a client is made from, and which services it uses. */
export interface RegistryClientConfig extends RegistryClientOptions {
  /** Subclasses to use in place of the package's services. */
  services?: ServiceOverrides;
}

/** Which manifest is fetched. */
export interface ManifestOptions extends CallOptions {
  /** Of an index the manifest for this platform, for example `linux/arm64`. Default: what the reference names. */
  platform?: string;
}

/** What of an image is told. */
export interface ImageInfoOptions extends CallOptions {
  /** Only this platform of an index, for example `linux/arm64`. */
  platform?: string;
}

/** How an image is written into an archive. */
export interface PullOptions extends Pick<CallOptions, 'signal'> {
  /** `docker` is an OCI image layout with a `manifest.json` beside it, as `docker save` writes. Default `docker`. */
  format?: ArchiveFormat;
  /** Only this platform of an index. Default: the whole index. */
  platform?: string;
  /** Blobs at once. Default: that of the client. */
  concurrency?: number;
  /** Hears each {@link PullEvent} as it happens; what it throws ends the pull. Default: nobody does. */
  onProgress?: (event: PullEvent) => void;
}

/** How an image is copied. */
export interface CopyOptions extends Pick<CallOptions, 'signal'> {
  /** Where to. Default: this registry. */
  to?: RegistryClient;
  /** Only this platform of an index. Default: the whole index. */
  platform?: string;
  /** Blobs at once. Default: that of the client. */
  concurrency?: number;
  /** Hears each {@link CopyEvent} as it happens; what it throws ends the copy. Default: nobody does. */
  onProgress?: (event: CopyEvent) => void;
}

/**
 * A path, a `file:` URL, the bytes of a tar, an archive that is open already (and stays so), or a stream of bytes, for example
 * `process.stdin`: what looks like a layer is sent while it passes, and the stream is closed at the end. A stream that has a
 * method `giveBack(chunk)` may fill its buffers again: it is called with most chunks, once nobody looks at them any more.
 */
export type PushInput = ArchiveInput | TarArchive | Readable;

/** What a push can be planned of: like {@link PushInput}, but no stream, which would be used up by it. */
export type PlanInput = ArchiveInput | TarArchive;
