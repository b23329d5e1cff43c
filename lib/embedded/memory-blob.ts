import { Readable } from 'node:stream';
import type { ByteRange, StoredBlob } from './store.js';

/** Bytes as the list of chunks they arrived in: never joined, never copied. */
export class MemoryBlob implements StoredBlob {
  size = 0;
  private chunks: Buffer[] = [];

  append(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.size += chunk.length;
  }

  read({ start, end }: ByteRange = { start: 0, end: this.size - 1 }): Readable {
    return Readable.from(slices(this.chunks, start, end), { objectMode: false });
  }

  clear(): void {
    this.chunks = [];
    this.size = 0;
  }
}

function* slices(chunks: readonly Buffer[], start: number, end: number): Generator<Buffer> {
  let offset = 0;
  for (const chunk of chunks) {
    if (offset > end) return;
    const part = chunk.subarray(Math.max(start - offset, 0), end + 1 - offset);
    if (part.length > 0) yield part;
    offset += chunk.length;
  }
}
