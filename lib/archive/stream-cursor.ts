import { RegistryClientError, TarReadError } from '../errors.js';
import { printable } from '../redact.js';

/** A stream, or anything else that gives chunk after chunk. */
export type Chunks = AsyncIterable<Buffer> & { destroy?(): unknown };

/** One pass over the bytes of a tar, at a known position. */
export class StreamCursor {
  /** Of the next byte. */
  position = 0;
  /** Nothing more can be read from it. */
  hasFailed = false;
  private readonly chunks: AsyncIterator<Buffer>;
  private pending: Buffer = Buffer.alloc(0);

  /**
   * @param archive - path of the file, for messages
   * @param doing - what cannot be done when the stream fails
   */
  constructor(
    private readonly archive: string,
    private readonly stream: Chunks,
    private readonly doing: 'unpacked' | 'read',
  ) {
    this.chunks = stream[Symbol.asyncIterator]();
  }

  /** Up to `most` bytes; empty only at the end. @throws TarReadError when what is packed is damaged. */
  async next(most: number): Promise<Buffer> {
    while (this.pending.length === 0) {
      const next = await this.nextChunk();
      if (next.done) return Buffer.alloc(0);
      this.pending = next.value;
    }
    // Whole, it is the chunk itself, which can be given back.
    const taken = this.pending.length <= most ? this.pending : this.pending.subarray(0, most);
    this.pending = this.pending.subarray(taken.length);
    this.position += taken.length;
    return taken;
  }

  /** `length` bytes, fewer only at the end. */
  async read(length: number): Promise<Buffer> {
    const bytes = await this.peek(length);
    this.pending = this.pending.subarray(bytes.length);
    this.position += bytes.length;
    return bytes;
  }

  /** What {@link read} would give, without going on. A view: it may change once these bytes have been taken and given back. */
  async peek(length: number): Promise<Buffer> {
    const parts = [this.pending];
    let missing = length - this.pending.length;
    while (missing > 0) {
      const next = await this.nextChunk();
      if (next.done) break;
      parts.push(next.value);
      missing -= next.value.length;
    }
    if (parts.length > 1) this.pending = Buffer.concat(parts);
    return this.pending.subarray(0, length);
  }

  /** Goes on to `position`, or to the end if that comes first. */
  async skipTo(position: number): Promise<void> {
    while (this.position < position) {
      const skipped = await this.next(position - this.position);
      if (skipped.length === 0) return;
    }
  }

  /** What has not been read yet, for whoever reads on in place of this cursor. */
  async *rest(): AsyncGenerator<Buffer> {
    for (let chunk = await this.next(Infinity); chunk.length > 0; chunk = await this.next(Infinity)) yield chunk;
  }

  close(): void {
    this.stream.destroy?.();
  }

  private async nextChunk(): Promise<IteratorResult<Buffer>> {
    try {
      return await this.chunks.next();
    } catch (cause) {
      this.hasFailed = true;
      if (RegistryClientError.is(cause)) throw cause;
      const hint = this.doing === 'unpacked' ? { hint: 'The file is damaged or cut short.' } : {};
      const reason = printable((cause as Error).message, 300);
      throw new TarReadError(`${this.archive} cannot be ${this.doing}: ${reason}`, { cause, ...hint });
    }
  }
}
