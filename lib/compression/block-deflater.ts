import { constants, createDeflateRaw, type ZlibOptions } from 'node:zlib';

/**
 * Makes deflate of one block after another. Each result ends on a byte boundary and looks back to nothing before it, so results
 * can be joined in any order: two deflaters give the same bytes for the same block, whatever they have seen.
 *
 * A deflater is kept and used again, because a new one for each block takes 0.7 MB, which V8 answers with a full garbage
 * collection every few dozen blocks: that took a quarter of the processor time of a push.
 */
export class BlockDeflater {
  private readonly engine;

  /** @param most - bytes of the largest block */
  constructor(level: number, most: number) {
    const options: ZlibOptions & { readableHighWaterMark: number } = {
      level,
      // More memory for symbols, and so fewer and larger deflate blocks: 11 % less time.
      memLevel: 9,
      // At the end of every write.
      flush: constants.Z_FULL_FLUSH,
      chunkSize: most / 2,
      // Nobody reads before a block is done.
      readableHighWaterMark: 2 * most,
    };
    this.engine = createDeflateRaw(options);
  }

  /** One block at a time. */
  deflate(block: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.engine.write(block, (error) => (error ? reject(error) : resolve(this.engine.read() as Buffer)));
    });
  }
}
