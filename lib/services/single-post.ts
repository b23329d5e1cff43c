import { RegistryError } from '../errors.js';
import { BlobUpload } from './blob-upload.js';
import type { Requests } from './requests.js';

/** Bytes of the largest blob it is worth for: a registry that does not do it gets them twice. */
const MOST = 64 * 1024;

/** Whether a blob may be sent so, where the registry takes that. */
export function fitsSinglePost(size: number): boolean {
  return size <= MOST;
}

/**
 * Stores a small blob with the one request that would else start its upload. Some registries do that, and others only start the
 * upload (distribution 2.8 and 3): the first small blob finds out which. Source: distribution-spec v1.1, "Single POST".
 */
export class SinglePost {
  private answer: 'unknown' | 'awaited' | 'stored' | 'started' = 'unknown';

  constructor(private readonly requests: Requests) {}

  isFor(size: number): boolean {
    return fitsSinglePost(size) && (this.answer === 'unknown' || this.answer === 'stored');
  }

  /** @returns undefined when the blob is stored, else the upload that was started for it */
  async send(
    repository: string,
    digest: string,
    bytes: Buffer,
    signal: AbortSignal | undefined,
  ): Promise<BlobUpload | undefined> {
    this.answer = 'awaited';
    try {
      const upload = await BlobUpload.post(this.requests, repository, { digest, bytes }, signal);
      this.answer = upload === undefined ? 'stored' : 'started';
      return upload;
    } catch (error) {
      this.answer = 'started';
      if (!(error instanceof RegistryError) || error.status === undefined) throw error;
      // Whatever it does not like about this request, it may like the usual one.
      return BlobUpload.start(this.requests, repository, signal);
    }
  }
}
