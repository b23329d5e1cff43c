import type { Readable } from 'node:stream';
import { RegistryClientError, RegistryError } from '../errors.js';
import { Digester } from '../oci/digest.js';
import { derivedStream } from '../oci/tap-stream.js';
import { sleep } from '../transport/time-limit.js';
import type { RequestBody } from '../transport/transport.js';
import type { BlobUpload } from './blob-upload.js';
import type { SentBytes } from './sent-bytes.js';
import { resumeDelay } from './upload-tries.js';

/** Breaks in a row, with nothing gained between them, after which the session is given up. */
const MAX_BREAKS = 3;

/** Bytes that are sent again sooner than asked for. */
const WORTH_ASKING = 64 * 1024;

/** How often one session has the content read at most: each time all of it is, for a gain that may be a single byte. */
const MAX_READINGS = 100;

/** What is sent: its digest and size where they are known before. */
export interface UploadContent {
  digest?: string | undefined;
  size?: number | undefined;
  /** The same bytes, from the start, at every call. */
  open(): Readable | Promise<Readable>;
  /** Whether it can be opened now. Default: always. */
  canOpen?: (() => boolean) | undefined;
}

/** What was sent. */
export interface UploadedContent {
  digest: string;
  size: number;
}

/** An upload session, and what becomes of it. */
export interface UploadJob {
  upload: BlobUpload;
  content: UploadContent;
  sent: SentBytes;
  /** Ends the session, with what is left of the content from byte `from`. */
  finish: (digest: string, body?: RequestBody, from?: number) => Promise<void>;
  /** Milliseconds before the session is asked how far it got, doubled with each break in a row, with full jitter. */
  baseDelay: number;
  /** Whether the registry knows what it has taken. */
  believes: boolean;
  /** Where this is, for messages. */
  repository: string;
  signal: AbortSignal | undefined;
}

/**
 * Sends a content in one request, and what is left of it in another one when that breaks off: the registry says how far it got.
 * Registries that forget a broken session make that no worse (distribution 2.8, zot, Azure).
 */
export class WholeUpload {
  /** Bytes the registry has for certain. */
  private from = 0;
  /** Bytes of the content that were handed to the network, counted from its start. */
  private reached = 0;
  private readings = 0;
  /** What the content is, once it has been read to its end. */
  private whole: UploadedContent | undefined;

  constructor(private readonly job: UploadJob) {}

  async run(): Promise<UploadedContent> {
    for (let breaks = 1; ; breaks++) {
      try {
        return await this.send();
      } catch (error) {
        const before = this.from;
        const isHopeless = breaks > MAX_BREAKS || this.readings >= MAX_READINGS;
        if (isHopeless || !(await this.resumes(error, breaks))) throw error;
        if (this.from > before) breaks = 0;
      }
    }
  }

  private send(): Promise<UploadedContent> {
    const { digest, size } = this.job.content;
    return digest === undefined || size === undefined ? this.stream() : this.put({ digest, size });
  }

  /** A registry can take less than it was given, and some miscount in one answer, or in all: then the digest is wrong. */
  private async taken(said: number): Promise<number> {
    const { upload, believes, signal } = this.job;
    if (!believes || said <= this.from || !this.canOpen()) return this.reached;
    return (await upload.stored(signal)) === said ? said : this.reached;
  }

  /** With the digest known, the content can go along with the last request. */
  private async put(whole: UploadedContent): Promise<UploadedContent> {
    const { digest, size } = whole;
    const { from } = this;
    if (from > 0 && from === size) await this.job.finish(digest);
    else await this.job.finish(digest, { size: size - from, open: () => this.open() }, from || undefined);
    return whole;
  }

  private async stream(): Promise<UploadedContent> {
    const { upload, finish, repository, signal } = this.job;
    while (this.from !== this.whole?.size) {
      this.whole = undefined;
      const stored = await upload.patch({ open: () => this.open() }, undefined, signal);
      const isLess = stored !== undefined && stored < this.reached && this.readings < MAX_READINGS;
      this.from = isLess ? await this.taken(stored) : this.reached;
      const whole = this.read();
      if (!whole) throw unfinished(repository);
      if (whole.size < this.reached) throw changed(repository);
    }
    await finish(this.whole.digest);
    return this.whole;
  }

  /** @returns whether the rest can be sent in the same session */
  private async resumes(error: unknown, breaks: number): Promise<boolean> {
    const { upload, believes, signal } = this.job;
    signal?.throwIfAborted();
    if (!believes || this.reached < WORTH_ASKING || !this.canOpen()) return false;
    const delay = resumeDelay(error, breaks, this.job.baseDelay);
    if (delay === undefined) return false;
    // A request that broke may still be on its way to the registry's disk.
    await sleep(delay, signal);
    const stored = await upload.stored(signal);
    if (stored === undefined || stored > this.reached) return false;
    this.from = stored;
    return true;
  }

  private canOpen(): boolean {
    return this.job.content.canOpen?.() ?? true;
  }

  /** Undefined until the content has been read to its end. */
  private read(): UploadedContent | undefined {
    return this.whole;
  }

  /** All of it is read, for its digest, and what the registry has is left out. */
  private async open(): Promise<Readable> {
    const { content, sent } = this.job;
    const { from } = this;
    this.readings += 1;
    const source = await content.open();
    const count = sent.begin(from);
    return derivedStream(source, this.rest(source, from, count));
  }

  private async *rest(source: Readable, from: number, count: (bytes: number) => void): AsyncGenerator<Buffer> {
    const digester = this.job.content.digest === undefined ? new Digester() : undefined;
    let position = 0;
    for await (const chunk of source as AsyncIterable<Buffer>) {
      digester?.update(chunk);
      const fresh = chunk.subarray(Math.max(0, Math.min(chunk.length, from - position)));
      position += chunk.length;
      if (fresh.length === 0) continue;
      this.reached = Math.max(this.reached, position);
      count(fresh.length);
      yield fresh;
    }
    if (digester) this.whole = { digest: digester.digest(), size: position };
  }
}

/** A digest of half of the content would be stored without complaint. */
function unfinished(repository: string): RegistryError {
  return new RegistryError(`uploading to ${repository}: the registry answered before everything was sent`, {
    code: 'UPLOAD_UNFINISHED',
    retryable: true,
  });
}

/** Packed by another program than before, for example: then what the registry has is no part of it. */
function changed(repository: string): RegistryClientError {
  return new RegistryClientError(`uploading to ${repository}: the content got shorter while it was sent`, {
    code: 'CONTENT_CHANGED',
    retryable: true,
  });
}
