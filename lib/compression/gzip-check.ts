import { crc32 } from 'node:zlib';

/** RFC 1952 §2.3: deflate, no flags and so no name, no time. What follows may differ between programs. */
const START = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
const TRAILER = 8;

/**
 * Checks that gzip belongs to the bytes it was made of, without unpacking it: by its first bytes, and by the checksum and the
 * size at its end (RFC 1952 §2.3.1).
 */
export class GzipCheck {
  private checksum = 0;
  private plainSize = 0;
  private isComplete = false;
  private packedSize = 0;
  private start: Buffer = Buffer.alloc(0);
  private end: Buffer = Buffer.alloc(0);

  addPlain(chunk: Buffer): void {
    this.checksum = crc32(chunk, this.checksum);
    this.plainSize += chunk.length;
  }

  /** Nothing plain follows. */
  endPlain(): void {
    this.isComplete = true;
  }

  addPacked(chunk: Buffer): void {
    this.packedSize += chunk.length;
    if (this.start.length < START.length) {
      this.start = Buffer.concat([this.start, chunk.subarray(0, START.length - this.start.length)]);
    }
    this.end = lastBytes(this.end, chunk);
  }

  /** What is wrong with it, now that everything has been added. */
  problem(): string | undefined {
    if (!this.isComplete) return 'took only a part of the layer';
    if (!this.start.equals(START)) return 'wrote something that is not gzip, or gzip with a name or a time in it';
    const isWhole = this.packedSize > START.length + TRAILER;
    if (isWhole && this.end.equals(trailer(this.checksum, this.plainSize))) return undefined;
    return 'wrote gzip that is not the layer';
  }
}

/** RFC 1952 §2.3.1: checksum and size modulo 2^32 of the plain bytes. */
export function trailer(checksum: number, size: number): Buffer {
  const bytes = Buffer.alloc(TRAILER);
  bytes.writeUInt32LE(checksum >>> 0, 0);
  bytes.writeUInt32LE(size % 0x1_0000_0000, 4);
  return bytes;
}

/** A copy, so that the chunk itself can be let go. */
function lastBytes(before: Buffer, chunk: Buffer): Buffer {
  const last = chunk.subarray(-TRAILER);
  return Buffer.concat([before, last]).subarray(-TRAILER);
}
