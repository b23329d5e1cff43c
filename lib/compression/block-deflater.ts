import { constants, createDeflateRaw, deflateRaw, type ZlibOptions } from 'node:zlib';

/** Bytes of the empty block that ends a full flush. */
const FLUSH = 5;

/**
 * Makes deflate of one block after another. Each result ends on a byte boundary and looks back to nothing before it, so results
 * can be joined in any order: two deflaters give the same bytes for the same block, whatever they have seen.
 *
 * A deflater is kept and used again, because a new one for each block takes 0.7 MB, which V8 answers with a full garbage
 * collection every few dozen blocks: that took a quarter of the processor time of a push.
 */
export class BlockDeflater {
  private readonly engine;
  private readonly options: ZlibOptions;
  private readonly chunkSize: number;
  /** Where in Node's buffer of `chunkSize` bytes the next result begins. */
  private offset = 0;

  /** @param most - bytes of a whole block, of which the last one of a stream may have less; at least 128 KiB */
  constructor(
    level: number,
    private readonly most: number,
  ) {
    // More memory for symbols, and so fewer and larger deflate blocks: 11 % less time.
    this.options = { level, memLevel: 9 };
    this.chunkSize = most / 2;
    const options: ZlibOptions & { readableHighWaterMark: number } = {
      ...this.options,
      // At the end of every write.
      flush: constants.Z_FULL_FLUSH,
      chunkSize: this.chunkSize,
      // Nobody reads before a block is done.
      readableHighWaterMark: 2 * most,
    };
    this.engine = createDeflateRaw(options);
  }

  /** One block at a time. */
  async deflate(block: Buffer): Promise<Buffer> {
    // What an earlier block left behind the end of this one decides which of the last matches are found, unless this one fills
    // the window to the last byte. So only whole blocks are for the engine.
    if (block.length < this.most) return this.alone(block);
    const packed = await this.write(block);
    const end = this.offset + packed.length;
    this.offset = end % this.chunkSize;
    // A result that fills Node's buffer to its last byte is flushed once more, for Node cannot see that nothing is left: five
    // bytes more, which depend on what came before. What may be such a one is made anew.
    return (end - FLUSH) % this.chunkSize === 0 ? this.alone(block) : packed;
  }

  private write(block: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.engine.write(block, (error) => (error ? reject(error) : resolve(this.result())));
    });
  }

  /** All that is there: without a length, Node 26 gives the first buffer only, and earlier lines all of them. */
  private result(): Buffer {
    return this.engine.read(this.engine.readableLength) as Buffer;
  }

  /** By an engine of its own, in a buffer that no result fills. */
  private alone(block: Buffer): Promise<Buffer> {
    const chunkSize = block.length + (block.length >> 4) + 1024;
    const options = { ...this.options, chunkSize, finishFlush: constants.Z_FULL_FLUSH };
    return new Promise((resolve, reject) => {
      deflateRaw(block, options, (error, packed) => (error ? reject(error) : resolve(packed)));
    });
  }
}
