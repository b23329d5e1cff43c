import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { buffers, POOLED } from '../oci/buffer-pool.js';
import { derivedStream } from '../oci/tap-stream.js';
import { BlockDeflater } from './block-deflater.js';
import { inBlocks } from '../oci/in-blocks.js';
import type { Compressor } from './compressor.js';
import { trailer } from './gzip-check.js';
import { compressionParallelism } from './parallelism.js';
import { storedBlocks } from './stored-blocks.js';

/**
 * Bytes: large enough that a round trip to the thread pool does not show, small enough to hold several per stream; and as many as
 * are read at once, so that what is read is neither cut nor copied.
 */
const BLOCK = POOLED;
/** RFC 1952 §2.3: deflate, no name, no time, so that the bytes depend on the content only; "unknown" operating system. */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
/** An empty last block: every block before it ends on a byte boundary. */
const LAST_BLOCK = Buffer.from([0x03, 0x00]);

/** Runs a task when its turn comes; shared by all streams that compress at once. */
export type Gate = <T>(task: () => Promise<T>) => Promise<T>;

/**
 * gzip on all cores: blocks of the source are deflated in parallel on the thread pool and joined into one gzip member, the
 * way pigz does it. Level 1, the level docker push and crane use: level 6 costs more than twice the time for 5 % fewer bytes.
 */
export class GzipCompressor implements Compressor {
  readonly packing = 'gzip';
  private readonly idle: BlockDeflater[] = [];

  /** @param gate - bounds the blocks deflated at once over all layers of a push */
  constructor(
    private readonly gate: Gate,
    private readonly level = 1,
  ) {}

  compress(source: Readable): Readable {
    return derivedStream(source, this.member(source));
  }

  private async *member(source: Readable): AsyncGenerator<Buffer> {
    const ahead = 2 * compressionParallelism();
    const blocks: (Promise<Buffer> | Buffer)[] = [];
    let [checksum, size] = [0, 0];
    yield HEADER;
    for await (const block of inBlocks(source, BLOCK)) {
      checksum = crc32(block, checksum);
      size += block.length;
      const stored = storedBlocks(block);
      blocks.push(stored ?? this.deflated(block));
      if (stored) buffers.giveBack(block);
      if (blocks.length > ahead) yield (await blocks.shift()) as Buffer;
    }
    while (blocks.length > 0) yield (await blocks.shift()) as Buffer;
    yield Buffer.concat([LAST_BLOCK, trailer(checksum, size)]);
  }

  private deflated(block: Buffer): Promise<Buffer> {
    const result = this.gate(async () => {
      const deflater = this.idle.pop() ?? new BlockDeflater(this.level, BLOCK);
      const packed = await deflater.deflate(block);
      this.idle.push(deflater);
      buffers.giveBack(block);
      return packed;
    });
    // A stream that fails before it is this block's turn must not leave a rejection nobody looks at.
    result.catch(() => undefined);
    return result;
  }
}
