import type { Readable } from 'node:stream';
import { RegistryError } from '../errors.js';
import { streamOf } from '../oci/byte-stream.js';
import { buffers } from '../oci/buffer-pool.js';
import { Digester } from '../oci/digest.js';
import { inBlocks } from '../oci/in-blocks.js';
import { tapStream } from '../oci/tap-stream.js';
import { onAbort } from '../transport/on-abort.js';
import { sleep } from '../transport/time-limit.js';
import { raceSignal } from '../transport/waiting.js';
import { resumeDelay } from './upload-tries.js';
import type { UploadedContent, UploadJob } from './whole-upload.js';

/** Requests in which one chunk goes out at most, where the registry takes a part of it each time. */
const MAX_PARTS = 100;

/** Breaks of one chunk, after which the session is given up. */
const MAX_BREAKS = 4;

/**
 * Sends a content in chunks of a size, for registries and proxies that take no more at once. One chunk at a time is held in
 * memory, so that what is lost of it can be sent again. Source: distribution-spec v1.1, "Pushing a blob in chunks".
 */
export class ChunkedUpload {
  /** Whether the registry answered as if it had not taken a chunk. ECR does so, and has (aws/containers-roadmap#2831); who knows of others. */
  isStalled = false;
  /** Bytes the registry has. */
  private from = 0;
  /** Bytes of the last request that were handed to the network. */
  private handed = 0;
  private count: (bytes: number) => void = () => undefined;

  /** @param size - bytes of a chunk, unless the registry wants larger ones */
  constructor(
    private readonly job: UploadJob,
    private readonly size: number,
  ) {}

  async run(): Promise<UploadedContent> {
    const { upload, content, sent, finish } = this.job;
    const source = await this.open();
    this.count = sent.begin();
    const digester = new Digester();
    // Between two requests nobody else would end the wait for a source that says nothing.
    const stopListening = onAbort(this.job.signal, (reason) => source.destroy(reason as Error));
    try {
      for await (const chunk of inBlocks(source, Math.max(this.size, upload.minimalChunk))) {
        buffers.keep(chunk);
        if (content.digest === undefined) digester.update(chunk);
        await this.send(chunk);
      }
    } finally {
      stopListening();
      source.destroy();
    }
    const digest = content.digest ?? digester.digest();
    await finish(digest);
    return { digest, size: this.from };
  }

  private async open(): Promise<Readable> {
    const opening = Promise.resolve(this.job.content.open());
    // Whoever waits no more leaves nothing open behind.
    const close = (late: Readable): void => void late.on('error', () => undefined).destroy();
    return raceSignal(opening, this.job.signal).catch((error: unknown) => {
      opening.then(close, () => undefined);
      throw error;
    });
  }

  private async send(chunk: Buffer): Promise<void> {
    const end = this.from + chunk.length;
    for (let [breaks, parts] = [1, 1]; this.from < end; parts++) {
      const before = this.from;
      const rest = chunk.subarray(chunk.length - (end - before));
      this.from = await this.patch(rest, parts < MAX_PARTS).catch((error: unknown) => {
        if (breaks > MAX_BREAKS || parts > MAX_PARTS) throw error;
        return this.found(error, end, breaks++);
      });
      this.count(this.from - before);
      this.job.sent.waste(Math.max(0, this.handed - (this.from - before)));
    }
  }

  /**
   * @param believes - whether the registry may say that it took a part
   * @returns how far it is now
   */
  private async patch(bytes: Buffer, believes: boolean): Promise<number> {
    const { upload, signal } = this.job;
    const { from } = this;
    this.handed = 0;
    const open = (): Readable => tapStream(streamOf(bytes), { chunk: ({ length }) => void (this.handed += length) });
    const stored = (await upload.patch({ size: bytes.length, open }, from, signal)) ?? Infinity;
    this.isStalled ||= stored <= from;
    // It may have taken a part; what else it says is a miscount, and the digest will tell.
    return believes && stored > from && stored < from + bytes.length ? stored : from + bytes.length;
  }

  /** Where a chunk goes on that broke off. @throws what it broke off with, where that cannot be told */
  private async found(error: unknown, end: number, breaks: number): Promise<number> {
    const { upload, signal } = this.job;
    signal?.throwIfAborted();
    const delay = resumeDelay(error, breaks, this.job.baseDelay);
    if (delay === undefined) throw error;
    await sleep(delay, signal);
    const stored = await upload.stored(signal);
    const isHere = stored !== undefined && stored >= this.from && stored <= end;
    const isRefused = error instanceof RegistryError && error.status === 416 && stored === this.from;
    if (!isHere || isRefused) throw error;
    return stored;
  }
}
