import type { Readable } from 'node:stream';
import type { Descriptor } from '../oci/descriptor.js';
import { DigestMismatchError } from '../errors.js';
import { storedBlobs } from '../archive/image-files.js';
import type { RawManifest } from '../oci/manifest.js';
import { formatReference } from '../oci/reference.js';
import type { BlobService, PushedBlob } from '../services/blob-service.js';
import type { ManifestService } from '../services/manifest-service.js';
import { fetchImages } from './image-graph.js';
import { createLimit, TransferSlots } from './limiter.js';
import { TogetherOrNone } from './together-or-none.js';

/** One side of a copy. */
export interface CopyEnd {
  blobs: BlobService;
  manifests: ManifestService;
  /** `host[:port]` */
  registry: string;
  repository: string;
  /** A tag or a digest. */
  reference: string;
}

/** An image that is in both places now. */
export interface CopiedImage {
  /** Of the manifest or index, the same on both sides. */
  digest: string;
  /** Of the manifest or index. */
  mediaType: string;
  /** What became of its blobs, each counted once. */
  blobs: {
    /** Sent. */
    uploaded: number;
    /** Linked from another repository of the registry. */
    mounted: number;
    /** There already. */
    skipped: number;
  };
  /** Bytes of blobs that went through this process. */
  bytesSent: number;
}

/** What a copy reports. */
export type CopyEvent =
  /** Once, before anything is sent: how much there is to do. */
  | {
      state: 'planned';
      /** How many there are, each counted once. */
      blobs: number;
      /** Of all blobs, those that are there already included. */
      bytes: number;
    }
  /** What of this blob was sent so far. */
  | {
      state: 'progress';
      /** Of the blob. */
      descriptor: Descriptor;
      /** Bytes handed to the network; goes back to less when a broken try starts over. */
      sent: number;
    }
  /** The target has the blob now: it was there, linked from another repository, or sent. */
  | {
      state: PushedBlob['outcome'];
      /** Of the blob. */
      descriptor: Descriptor;
    }
  /** The target names the image now; the last event. */
  | {
      state: 'tagged';
      /** `host[:port]/repository:tag`. */
      reference: string;
      /** Of the manifest or index. */
      digest: string;
    };

export interface CopyJob {
  source: CopyEnd;
  target: CopyEnd;
  /** Both ends are one registry: blobs are linked there, not sent. */
  isSameRegistry: boolean;
  platform: string | undefined;
  concurrency: number;
  signal: AbortSignal | undefined;
  onProgress: (event: CopyEvent) => void;
}

/** Copies an image, or an index with all its images, without touching the disk: blobs are linked where that is possible, else streamed through. */
export class Copy {
  private readonly together: TogetherOrNone;
  private readonly limit: ReturnType<typeof createLimit>;

  constructor(private readonly job: CopyJob) {
    this.together = new TogetherOrNone(job.signal);
    this.limit = createLimit(job.concurrency);
  }

  async run(): Promise<CopiedImage> {
    const { source, platform, signal } = this.job;
    const manifests = await fetchImages(source, { ...source, platform }, { limit: this.limit, signal });
    const blobs = storedBlobs({ manifests });
    const bytes = blobs.reduce((sum, { size }) => sum + size, 0);
    this.job.onProgress({ state: 'planned', blobs: blobs.length, bytes });
    const slots = new TransferSlots({ concurrency: this.job.concurrency });
    const tasks = [...blobs].sort((a, b) => b.size - a.size).map((blob) => () => this.copyIn(slots, blob));
    const outcomes = await this.together.run(tasks);
    const root = await this.pushManifests(manifests);
    const count = (outcome: PushedBlob['outcome']): number =>
      outcomes.filter((blob) => blob.outcome === outcome).length;
    return {
      digest: root.digest,
      mediaType: root.mediaType,
      blobs: { uploaded: count('uploaded'), mounted: count('mounted'), skipped: count('exists') },
      bytesSent: outcomes.reduce((sum, { bytesSent }) => sum + bytesSent, 0),
    };
  }

  private copyIn(slots: TransferSlots, descriptor: Descriptor): Promise<PushedBlob> {
    return slots.run({ size: descriptor.size, compresses: false }, () => this.copyBlob(descriptor));
  }

  private async copyBlob(descriptor: Descriptor): Promise<PushedBlob> {
    const { onProgress } = this.job;
    this.together.signal.throwIfAborted();
    let sent = 0;
    const onSent = (bytes: number): void => onProgress({ state: 'progress', descriptor, sent: (sent += bytes) });
    const pushed = await this.pushBlob(descriptor, onSent).catch((error: unknown) => {
      // After a resume a wrong digest may be the fault of the first half; nothing of it was stored.
      if (!(error instanceof DigestMismatchError)) throw error;
      onSent(-sent);
      return this.pushBlob(descriptor, onSent);
    });
    onProgress({ state: pushed.outcome, descriptor });
    return pushed;
  }

  private pushBlob(descriptor: Descriptor, onSent: (bytes: number) => void): Promise<PushedBlob> {
    const { source, target, isSameRegistry } = this.job;
    const { signal } = this.together;
    const open = (): Promise<Readable> => source.blobs.fetch(source.repository, descriptor, { signal });
    const mountFrom = isSameRegistry ? source.repository : undefined;
    return target.blobs.push(target.repository, { descriptor, open }, { signal, mountFrom, onSent });
  }

  /** Children first, by digest; the root last, to its tag. */
  private async pushManifests(manifests: readonly RawManifest[]): Promise<Descriptor> {
    const { target, onProgress } = this.job;
    const { signal } = this.together;
    const root = manifests.at(-1) as RawManifest;
    for (const raw of manifests.slice(0, -1)) {
      await target.manifests.push(target.repository, raw.descriptor.digest, raw, { signal });
    }
    await target.manifests.push(target.repository, target.reference, root, { signal });
    onProgress({
      state: 'tagged',
      reference: formatReference({ ...target, tag: target.reference }),
      digest: root.descriptor.digest,
    });
    return root.descriptor;
  }
}
