import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { algorithmOf, type DigestAlgorithm, Digester } from '../oci/digest.js';
import { chunksOf } from './message.js';
import { Refusal } from './registry-error.js';
import type { BlobWriter } from './store.js';

/** One upload: its bytes so far and their running digest. Source: distribution-spec v1.1, "Pushing blobs". */
export class UploadSession {
  readonly id = randomUUID();
  /** Whether the last chunk was shorter than the registry asked for, so that no other may follow. */
  isClosedByShortChunk = false;
  private algorithm: DigestAlgorithm;
  private digester: Digester;
  private usedAt = Date.now();
  private isBusy = false;
  private isEnded = false;

  /** @param algorithm - of the digest that will probably come; with another one the content is read again */
  constructor(
    readonly repository: string,
    private readonly writer: BlobWriter,
    algorithm: DigestAlgorithm = 'sha256',
  ) {
    this.algorithm = algorithm;
    this.digester = new Digester(algorithm);
  }

  /** Bytes received. */
  get size(): number {
    return this.digester.size;
  }

  /** Where the upload is and what it has; `0-0` stands for no byte as well as for one, as in distribution. */
  get headers(): Record<string, string> {
    return {
      location: `/v2/${this.repository}/blobs/uploads/${this.id}`,
      'docker-upload-uuid': this.id,
      range: `0-${Math.max(this.size - 1, 0)}`,
    };
  }

  /** Milliseconds since anybody wrote to it; 0 while somebody does. */
  get idleTime(): number {
    return this.isBusy ? 0 : Date.now() - this.usedAt;
  }

  /**
   * Runs `work` as the only one that writes.
   * @throws Refusal RANGE_INVALID (416) while another request writes: the client may ask for the status and go on from there.
   */
  async exclusive<T>(work: () => Promise<T>): Promise<T> {
    if (this.isBusy) {
      const message = 'another request is sending to this upload';
      throw new Refusal('RANGE_INVALID', message, { headers: this.headers });
    }
    this.isBusy = true;
    try {
      return await work();
    } finally {
      this.isBusy = false;
      this.usedAt = Date.now();
      if (this.isEnded) await this.writer.discard();
    }
  }

  /** Saves hashing twice when the first bytes come together with the digest they should have. */
  expect(digest: string): void {
    if (this.size > 0) return;
    this.algorithm = algorithmOf(digest);
    this.digester = new Digester(this.algorithm);
  }

  /**
   * Takes in a body. Whatever arrived stays, also when the body breaks off.
   * @param limit - size in bytes the upload must not grow beyond
   * @throws Refusal SIZE_INVALID when it would; BLOB_UPLOAD_UNKNOWN when the upload is cancelled meanwhile.
   */
  async append(body: Readable, limit = Infinity): Promise<void> {
    for await (const chunk of chunksOf(body)) {
      if (this.isEnded) throw unknownUpload(this.id);
      if (this.size + chunk.length > limit) throw this.sizeMismatch(`more than ${limit} bytes`);
      await this.writer.write(chunk);
      this.digester.update(chunk);
    }
    if (this.isEnded) throw unknownUpload(this.id);
    if (limit !== Infinity && this.size < limit) throw this.sizeMismatch(`only ${this.size} of ${limit} bytes`);
  }

  /**
   * Makes the content a blob. The session is over, whatever comes of it.
   * @throws Refusal DIGEST_INVALID when the content has another digest; BLOB_UPLOAD_UNKNOWN when it was cancelled.
   */
  async commit(digest: string): Promise<void> {
    if (this.isEnded) throw unknownUpload(this.id);
    const actual = await this.digest(algorithmOf(digest));
    if (actual === digest) return this.writer.commit(this.repository, digest);
    await this.writer.discard();
    const message = `the ${this.size} bytes received have the digest ${actual}, not ${digest}`;
    throw new Refusal('DIGEST_INVALID', message, { detail: { digest, actual } });
  }

  /** Throws the content away, once a request that is sending notices. */
  async cancel(): Promise<void> {
    this.isEnded = true;
    if (!this.isBusy) await this.writer.discard();
  }

  private async digest(algorithm: DigestAlgorithm): Promise<string> {
    if (algorithm === this.algorithm) return this.digester.digest();
    const digester = new Digester(algorithm);
    for await (const chunk of chunksOf(this.writer.read())) digester.update(chunk);
    return digester.digest();
  }

  private sizeMismatch(found: string): Refusal {
    return new Refusal('SIZE_INVALID', `the Content-Range does not match the body, which brought ${found}`, {
      headers: this.headers,
    });
  }
}

export function unknownUpload(id: string): Refusal {
  return new Refusal('BLOB_UPLOAD_UNKNOWN', 'there is no such upload', { detail: { id } });
}
