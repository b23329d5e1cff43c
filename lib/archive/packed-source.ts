import { pipeline, Readable } from 'node:stream';
import { createUnpacker, type Packing } from '../compression/sniff.js';
import { TarReadError } from '../errors.js';
import type { ArchiveSource } from './archive-source.js';
import { shortened } from './file-source.js';

/** Reads of up to this many bytes are remembered: the JSON files and the first bytes of every layer. */
export const REMEMBERED = 256 * 1024;
/** In bytes, for all of them together. */
const MEMORY = 32 * 1024 * 1024;

/** One pass over the unpacked bytes, at a known position. */
class Cursor {
  position = 0;
  private readonly chunks: AsyncIterator<Buffer>;
  private pending: Buffer = Buffer.alloc(0);

  constructor(private readonly unpacked: Readable) {
    this.chunks = (unpacked as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  }

  /** Up to `most` bytes; empty only at the end. */
  async next(most: number): Promise<Buffer> {
    while (this.pending.length === 0) {
      const next = await this.chunks.next();
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

  async skipTo(position: number): Promise<void> {
    while (this.position < position) {
      const skipped = await this.next(position - this.position);
      if (skipped.length === 0) return;
    }
  }

  close(): void {
    this.unpacked.destroy();
  }
}

/**
 * A whole tar inside gzip or zstd (`docker save app | gzip`), read without unpacking it to disk. The last cursor is kept,
 * so reading onwards costs nothing twice; going back, or reading two places at once, unpacks from the start again.
 */
export class PackedSource implements ArchiveSource {
  readonly randomAccess = false;
  private idle: Cursor | undefined;
  private readonly remembered = new Map<number, Buffer>();
  private memoryLeft = MEMORY;

  /** @param packed - opens the packed bytes from their start */
  constructor(
    private readonly inner: ArchiveSource,
    private readonly packing: Packing,
    private readonly packed: () => Readable,
  ) {}

  get name(): string {
    return this.inner.name;
  }

  async read(position: number, length: number): Promise<Buffer> {
    const known = this.remembered.get(position);
    if (known && known.length >= length) return known.subarray(0, length);
    const cursor = await this.take(position);
    try {
      return this.remember(position, await this.guarded(() => cursor.read(length)));
    } finally {
      this.giveBack(cursor);
    }
  }

  open(position: number, length: number): Readable {
    return Readable.from(this.chunks(position, length), { objectMode: false, highWaterMark: 1024 * 1024 });
  }

  async close(): Promise<void> {
    this.idle?.close();
    await this.inner.close();
  }

  private async *chunks(position: number, length: number): AsyncGenerator<Buffer> {
    const cursor = await this.take(position);
    const end = position + length;
    try {
      while (cursor.position < end) {
        const chunk = await this.guarded(() => cursor.next(end - cursor.position));
        if (chunk.length === 0) throw shortened(this.name, cursor.position);
        yield chunk;
      }
    } finally {
      this.giveBack(cursor);
    }
  }

  private remember(position: number, bytes: Buffer): Buffer {
    if (bytes.length > 1 && bytes.length <= Math.min(REMEMBERED, this.memoryLeft)) {
      this.remembered.set(position, bytes);
      this.memoryLeft -= bytes.length;
    }
    return bytes;
  }

  private async take(position: number): Promise<Cursor> {
    const kept = this.idle;
    this.idle = undefined;
    if (kept && kept.position > position) kept.close();
    const cursor = kept && kept.position <= position ? kept : this.restart();
    await this.guarded(() => cursor.skipTo(position));
    return cursor;
  }

  private giveBack(cursor: Cursor): void {
    this.idle?.close();
    this.idle = cursor;
  }

  private restart(): Cursor {
    const unpacker = createUnpacker(this.packing);
    if (!unpacker) {
      throw new TarReadError(`${this.name} is packed with ${this.packing}, which this Node cannot unpack`, {
        hint: `Unpack it first with ${this.packing} -d. Node 22.15 and later read zstd.`,
      });
    }
    pipeline(this.packed(), unpacker, () => undefined);
    return new Cursor(unpacker);
  }

  private async guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof TarReadError) throw cause;
      throw new TarReadError(`${this.name} cannot be unpacked: ${(cause as Error).message}`, {
        cause,
        hint: 'The file is damaged or cut short.',
      });
    }
  }
}
