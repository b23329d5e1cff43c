import type { Readable } from 'node:stream';

/** Turns a plain layer into the bytes that are pushed. The same input must give the same bytes, or nothing is ever found again. */
export interface Compressor {
  /** What the result is, for the media type of the layer. */
  readonly packing: 'gzip' | 'zstd';
  /**
   * Destroying the result destroys `source`; an error of `source` is an error of the result. When the result fails with an
   * error that says `retryable: true`, the layer is opened, compressed and sent once more.
   * @param size - bytes that `source` will give
   */
  compress(source: Readable, size: number): Readable;
}
