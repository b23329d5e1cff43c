import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { buffers, POOLED } from '../oci/buffer-pool.js';
import { inBlocks } from '../oci/in-blocks.js';
import { inPooled } from '../oci/in-pooled.js';
import { derivedStream } from '../oci/tap-stream.js';
import type { Compressor } from './compressor.js';
import { type DeflatePool, deflatePool } from './deflate-pool.js';
import { trailer } from './gzip-check.js';
import { storedBlocks } from './stored-blocks.js';

/** Bytes: as many as are read at once, so that what is read is neither cut nor copied. */
const BLOCK = POOLED;
/** RFC 1952 §2.3: deflate, no name, no time, so that the bytes depend on the content only; "unknown" operating system. */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
/** An empty last block: every block before it ends on a byte boundary. */
const LAST_BLOCK = Buffer.from([0x03, 0x00]);

/** Deflates blocks, here or elsewhere, in whatever order it gets to them. */
export type Deflating = Pick<DeflatePool, 'ahead' | 'deflate' | 'deflateHere'>;

/** What became of a block, and the buffer that goes back to the pool once that has been copied. */
interface Packed {
  parts: readonly Buffer[];
  held: Buffer;
}

/** A stream of fewer bytes is packed on this thread, before others have started. */
const SMALL = 1024 * 1024;

/**
 * gzip on all cores: blocks of the source are deflated in parallel and joined into one gzip member, the way pigz does it. As
 * small as zlib's level 1, give or take 2 %; level 6 would be 11 % smaller, and takes five times as long (`bench/deflate.mjs`).
 */
export class GzipCompressor implements Compressor {
  readonly packing = 'gzip';

  constructor(private readonly pool: Deflating = deflatePool) {}

  compress(source: Readable, size: number): Readable {
    return derivedStream(source, inPooled(this.member(source, size < SMALL)));
  }

  private async *member(source: Readable, isSmall: boolean): AsyncGenerator<Buffer> {
    const blocks: (Promise<Packed> | Packed)[] = [];
    let [checksum, size] = [0, 0];
    yield HEADER;
    for await (const block of inBlocks(source, BLOCK)) {
      checksum = crc32(block, checksum);
      size += block.length;
      blocks.push(this.packed(block, isSmall));
      if (blocks.length > this.pool.ahead) yield* passedOn(await blocks.shift());
    }
    while (blocks.length > 0) yield* passedOn(await blocks.shift());
    yield Buffer.concat([LAST_BLOCK, trailer(checksum, size)]);
  }

  private packed(block: Buffer, isSmall: boolean): Promise<Packed> | Packed {
    const stored = storedBlocks(block);
    if (stored) return { parts: stored, held: block };
    const result = isSmall ? Promise.resolve(this.pool.deflateHere(block)) : this.pool.deflate(block);
    const packed = result.then((bytes) => {
      buffers.giveBack(block);
      return { parts: [bytes], held: Buffer.from(bytes.buffer) };
    });
    // A stream that fails before it is this block's turn must not leave a rejection nobody looks at.
    packed.catch(() => undefined);
    return packed;
  }
}

/** Whoever takes the parts has copied them when it asks for more. */
function* passedOn(packed: Packed | undefined): Generator<Buffer> {
  if (!packed) return;
  yield* packed.parts;
  buffers.giveBack(packed.held);
}
