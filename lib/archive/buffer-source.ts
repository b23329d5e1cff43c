import type { Readable } from 'node:stream';
import type { SizedSource } from './archive-source.js';
import { type ContentRange, openRange } from './content-range.js';

/** A tar that is already in memory. */
export class BufferSource implements SizedSource {
  readonly name = 'the archive in memory';
  readonly randomAccess = true;

  constructor(private readonly bytes: Buffer) {}

  get size(): number {
    return this.bytes.length;
  }

  read(position: number, length: number): Promise<Buffer> {
    return Promise.resolve(this.bytes.subarray(position, position + length));
  }

  reaches(end: number): Promise<boolean> {
    return Promise.resolve(end <= this.size);
  }

  open(range: ContentRange): Readable {
    return openRange(this, range);
  }

  checkEnd(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
