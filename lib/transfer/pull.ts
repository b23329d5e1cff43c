import type { Writable } from 'node:stream';
import { imageFiles, storedBlobs, type ArchiveFormat } from '../archive/image-files.js';
import { type PlacedFile, TarLayout } from '../archive/tar-layout.js';
import { DigestMismatchError, InvalidArgumentError, RegistryError } from '../errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import { blobPath } from '../archive/oci-image.js';
import type { RawManifest } from '../oci/manifest.js';
import { type Platform, parsePlatform } from '../oci/platform.js';
import { formatReference } from '../oci/reference.js';
import { tapStream } from '../oci/tap-stream.js';
import type { BlobService } from '../services/blob-service.js';
import type { ManifestService } from '../services/manifest-service.js';
import type { ArchiveSink } from './archive-sink.js';
import { FileSink } from './file-sink.js';
import { fetchImages } from './image-graph.js';
import { createLimit } from './limiter.js';
import { StreamSink } from './stream-sink.js';
import { TogetherOrNone } from './together-or-none.js';

/** What a pull reports; counts never go backwards without a `retry`. */
export type PullEvent =
  /** Once: how much there is to fetch, each blob once. */
  | {
      state: 'planned';
      /** How many there are. */
      blobs: number;
      /** Of all blobs, as stored in the registry. */
      bytes: number;
    }
  /** The registry is asked for a blob. */
  | {
      state: 'started';
      /** Of the blob. */
      descriptor: Descriptor;
    }
  /** What of this blob has come so far. */
  | {
      state: 'progress';
      /** Of the blob. */
      descriptor: Descriptor;
      /** Bytes, of `descriptor.size`. */
      received: number;
    }
  /** The blob starts over. */
  | {
      state: 'retry';
      /** Of the blob. */
      descriptor: Descriptor;
    }
  /** The blob is in the archive, and is what its digest says. */
  | {
      state: 'fetched';
      /** Of the blob. */
      descriptor: Descriptor;
    };

/** An image that is in an archive now. */
export interface PulledImage {
  /** `host[:port]/repository[:tag]@digest`. */
  reference: string;
  /** Of the manifest or index that was pulled. */
  digest: string;
  /** Of the manifest or index that was pulled. */
  mediaType: string;
  /** Bytes of the archive. */
  size: number;
  /** Bytes of blobs that came from the registry. */
  bytesReceived: number;
}

export interface PullJob {
  /** `host[:port]` for the reference in the result. */
  registry: string;
  repository: string;
  /** A tag or a digest. */
  reference: string;
  /** What the archive is saved under; absent for a pull by digest. */
  name: string | undefined;
  target: string | Writable;
  format: ArchiveFormat;
  platform: string | undefined;
  concurrency: number;
  signal: AbortSignal | undefined;
  onProgress: (event: PullEvent) => void;
}

/** Writes an image, or an index with all its images, into an archive that `docker load`, skopeo and this package read. */
export class Pull {
  private readonly together: TogetherOrNone;
  private bytesReceived = 0;

  constructor(
    private readonly blobs: BlobService,
    private readonly manifests: ManifestService,
    private readonly job: PullJob,
  ) {
    this.together = new TogetherOrNone(job.signal);
    if (job.platform !== undefined) parsePlatform(job.platform);
    if (job.format === 'docker' || job.format === 'oci') return;
    throw new InvalidArgumentError(`the option format is "${String(job.format)}"`, {
      hint: "It takes 'docker' or 'oci'.",
    });
  }

  async run(): Promise<PulledImage> {
    const { format, name, platform, target } = this.job;
    const { concurrency, signal } = this.job;
    const manifests = await fetchImages({ blobs: this.blobs, manifests: this.manifests }, this.job, {
      limit: createLimit(concurrency),
      signal,
    });
    const preferred = platform === undefined ? hostPlatform() : parsePlatform(platform);
    const layout = new TarLayout(imageFiles({ names: name === undefined ? [] : [name], manifests }, format, preferred));
    if (!Number.isSafeInteger(layout.size)) throw tooLarge(this.job.repository, manifests.at(-1) as RawManifest);
    const sink =
      typeof target === 'string' ? await FileSink.create(target, layout) : new StreamSink(target, this.together.signal);
    try {
      await this.fill(sink, layout, storedBlobs({ manifests }));
      await sink.finish();
    } catch (error) {
      await sink.abandon();
      throw error;
    }
    const { digest, mediaType } = (manifests.at(-1) as RawManifest).descriptor;
    const { registry, repository } = this.job;
    const reference = `${name ?? formatReference({ registry, repository })}@${digest}`;
    return { reference, digest, mediaType, size: layout.size, bytesReceived: this.bytesReceived };
  }

  private async fill(sink: ArchiveSink, layout: TarLayout, blobs: readonly Descriptor[]): Promise<void> {
    const bytes = blobs.reduce((sum, { size }) => sum + size, 0);
    this.job.onProgress({ state: 'planned', blobs: blobs.length, bytes });
    const byPath = new Map(blobs.map((blob) => [blobPath(blob.digest), blob]));
    const limit = createLimit(sink.randomAccess ? this.job.concurrency : 1);
    const files = sink.randomAccess ? [...layout.files].sort((a, b) => b.size - a.size) : layout.files;
    await this.together.run(files.map((file) => () => limit(() => this.fillFile(sink, file, byPath.get(file.name)))));
  }

  private async fillFile(sink: ArchiveSink, file: PlacedFile, blob: Descriptor | undefined): Promise<void> {
    this.together.signal.throwIfAborted();
    if (file.bytes || !blob) return sink.write(file, file.bytes ?? Buffer.alloc(0));
    this.job.onProgress({ state: 'started', descriptor: blob });
    try {
      await this.fetchInto(sink, file, blob);
    } catch (error) {
      // After a resume a wrong digest may be the fault of the first half; where it can be overwritten, it gets one more try.
      if (!(error instanceof DigestMismatchError) || !sink.randomAccess) throw error;
      this.job.onProgress({ state: 'retry', descriptor: blob });
      await this.fetchInto(sink, file, blob);
    }
    this.job.onProgress({ state: 'fetched', descriptor: blob });
  }

  private async fetchInto(sink: ArchiveSink, file: PlacedFile, descriptor: Descriptor): Promise<void> {
    let received = 0;
    const content = await this.blobs.fetch(this.job.repository, descriptor, { signal: this.together.signal });
    const counted = tapStream(content, {
      chunk: ({ length }) => {
        received += length;
        this.bytesReceived += length;
        this.job.onProgress({ state: 'progress', descriptor, received });
      },
    });
    await sink.write(file, counted);
  }
}

/** What docker would choose here; images are made for Linux also where Node runs on something else. */
export function hostPlatform(arch: string = process.arch): Platform {
  const names: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' };
  return { os: 'linux', architecture: names[arch] ?? arch };
}

/** Sizes are what a registry says they are. */
function tooLarge(repository: string, { descriptor }: RawManifest): RegistryError {
  return new RegistryError(`the image ${repository}@${descriptor.digest} says it is larger than any file can be`, {
    code: 'IMAGE_TOO_LARGE',
  });
}
