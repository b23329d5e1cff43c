import { pipeline, type Readable } from 'node:stream';
import type { Unpacker } from '../compression/unpacker.js';
import { TarReadError } from '../errors.js';

/** One pass over the unpacked bytes of an archive, at a known position. */
export class PackedCursor {
  /** Of the next unpacked byte. */
  position = 0;
  /** Nothing more can be read from it. */
  hasFailed = false;
  private readonly unpacked: Readable;
  private readonly chunks: AsyncIterator<Buffer>;
  private pending: Buffer = Buffer.alloc(0);

  /** @param archive - path of the file, for messages */
  constructor(
    private readonly archive: string,
    packed: Readable,
    unpacker: Unpacker,
  ) {
    this.unpacked = unpacker.output;
    this.chunks = (unpacker.output as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
    pipeline(packed, unpacker.input, (error) => error && unpacker.output.destroy(error));
  }

  /** Up to `most` bytes; empty only at the end. @throws TarReadError when what is packed is damaged. */
  async next(most: number): Promise<Buffer> {
    while (this.pending.length === 0) {
      const next = await this.nextChunk();
      if (next.done) return Buffer.alloc(0);
      this.pending = next.value;
    }
    const taken = this.pending.subarray(0, most);
    this.pending = this.pending.subarray(taken.length);
    this.position += taken.length;
    return taken;
  }

  /** `length` bytes, fewer only at the end. */
  async read(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let missing = length;
    while (missing > 0) {
      const part = await this.next(missing);
      if (part.length === 0) break;
      parts.push(part);
      missing -= part.length;
    }
    return Buffer.concat(parts);
  }

  /** Goes on to `position`, or to the end if that comes first. */
  async skipTo(position: number): Promise<void> {
    while (this.position < position) {
      const skipped = await this.next(position - this.position);
      if (skipped.length === 0) return;
    }
  }

  close(): void {
    this.unpacked.destroy();
  }

  private async nextChunk(): Promise<IteratorResult<Buffer>> {
    try {
      return await this.chunks.next();
    } catch (cause) {
      this.hasFailed = true;
      if (cause instanceof TarReadError) throw cause;
      throw new TarReadError(`${this.archive} cannot be unpacked: ${(cause as Error).message}`, {
        cause,
        hint: 'The file is damaged or cut short.',
      });
    }
  }
}
