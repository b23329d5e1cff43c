import { Readable } from 'node:stream';
import type { ArchiveSource } from './archive-source.js';

/** A tar that is already in memory. */
export class BufferSource implements ArchiveSource {
  readonly name = 'the archive in memory';
  readonly randomAccess = true;

  constructor(private readonly bytes: Buffer) {}

  /** Bytes. */
  get size(): number {
    return this.bytes.length;
  }

  read(position: number, length: number): Promise<Buffer> {
    return Promise.resolve(this.bytes.subarray(position, position + length));
  }

  open(position: number, length: number): Readable {
    return Readable.from([this.bytes.subarray(position, position + length)], { objectMode: false });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
