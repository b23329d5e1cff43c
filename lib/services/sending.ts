import { RegistryError } from '../errors.js';
import type { RequestBody } from '../transport/transport.js';
import type { BlobUpload } from './blob-upload.js';
import { type ChunkSize, goesWhole, isTooLarge } from './chunk-size.js';
import { ChunkedUpload } from './chunked-upload.js';
import { type UploadedContent, type UploadJob, WholeUpload } from './whole-upload.js';

/** How a session ends: with what is left of the content from byte `from`. */
export type Finish = (upload: BlobUpload, digest: string, body?: RequestBody, from?: number) => Promise<void>;

/** Sends one content, whole or in chunks, to one session after the other, and learns which of both the registry takes. */
export class Sending {
  /** Bytes of a chunk in the session that was sent to last. */
  private used: number | undefined;
  private chunked: ChunkedUpload | undefined;
  private believes = true;

  constructor(
    private readonly job: Omit<UploadJob, 'upload' | 'finish' | 'believes'>,
    private readonly chunks: ChunkSize,
    private readonly finish: Finish,
  ) {}

  send(upload: BlobUpload): Promise<UploadedContent> {
    const job: UploadJob = {
      ...this.job,
      upload,
      believes: this.believes,
      finish: (digest, body, from) => this.finish(upload, digest, body, from),
    };
    this.used = this.chunks.current;
    this.chunked = undefined;
    if (this.used === undefined || goesWhole(job.content.size, this.used)) return new WholeUpload(job).run();
    this.chunked = new ChunkedUpload(job, this.used);
    return this.chunked.run();
  }

  /** Whether the next session is sent to in another way. */
  adapts(error: unknown): boolean {
    if (!(error instanceof RegistryError)) return false;
    if (error.code === 'DIGEST_INVALID') this.believes = false;
    if (this.chunked?.isStalled) return this.chunks.dropped();
    return isTooLarge(error, this.chunked !== undefined) && this.chunks.shrink(this.used);
  }
}
