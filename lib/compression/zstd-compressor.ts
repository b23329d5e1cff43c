import type { Readable, Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { InvalidArgumentError } from '../errors.js';
import { POOLED } from '../oci/buffer-pool.js';
import { aheadWriter } from '../oci/pooled-write.js';
import type { Compressor } from './compressor.js';

/** Level 2 makes 6 % fewer bytes in 6 % more time, level 3 makes 10 % fewer in 31 % more (`npm run bench -- --only zstd` with each). */
const LEVEL = 1;

/** What Node 22.15 added; the types of Node 20 do not know it. */
interface Zstd {
  createZstdCompress(options: object): Transform;
  constants: { ZSTD_c_compressionLevel: number };
}

/**
 * zstd, one frame for each layer. Layers are compressed side by side on the thread pool; `ZSTD_c_nbWorkers` stays unset, because
 * Node's stream then ends, silently, with a hundredth of the content (seen with 22.23, 24.21 and 26.10).
 */
export class ZstdCompressor implements Compressor {
  readonly packing = 'zstd';
  private readonly zstd: Zstd;

  /** @throws InvalidArgumentError where Node has no zstd */
  constructor(runtime: object = zlib) {
    if (!('createZstdCompress' in runtime)) {
      throw new InvalidArgumentError(`Node ${process.versions.node} cannot write zstd`, {
        hint: 'Use Node 22.15 or later, or gzip.',
      });
    }
    this.zstd = runtime as Zstd;
  }

  compress(source: Readable): Readable {
    const params = { [this.zstd.constants.ZSTD_c_compressionLevel]: LEVEL };
    const packed = this.zstd.createZstdCompress({ chunkSize: POOLED, params });
    packed.on('close', () => source.destroy());
    feed(packed, source).catch((error: unknown) => packed.destroy(error as Error));
    return packed;
  }
}

/** As `pipeline` would, but that what has been packed is read into again. */
async function feed(packed: Transform, source: Readable): Promise<void> {
  const write = aheadWriter(packed);
  for await (const chunk of source as AsyncIterable<Buffer>) {
    await write(chunk);
    if (packed.destroyed) return;
  }
  packed.end();
}
