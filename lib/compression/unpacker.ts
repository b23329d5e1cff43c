import { PassThrough, pipeline, type Readable, type Writable } from 'node:stream';
import * as zlib from 'node:zlib';
import type { Packing } from './sniff.js';
import { splitZstdFrames } from './zstd-frames.js';

const CHUNK = 256 * 1024;

/** Packed bytes go in, plain bytes come out. Destroying the output destroys the input. */
export interface Unpacker {
  readonly input: Writable;
  readonly output: Readable;
}

/** An unpacker, or `undefined` where this Node has none (zstd before 22.15, bzip2 and xz always). */
export function createUnpacker(packing: Packing): Unpacker | undefined {
  if (packing === 'gzip') {
    const gunzip = zlib.createGunzip({ chunkSize: CHUNK });
    return { input: gunzip, output: gunzip };
  }
  return packing === 'zstd' ? zstdUnpacker() : undefined;
}

/** What to do about content this Node cannot unpack. */
export function unpackingHint(packing: Packing): string {
  const newer = packing === 'zstd' ? ', or use Node 22.15 or later, which reads zstd' : '';
  return `Unpack it first, with ${packing} -d${newer}.`;
}

function zstdUnpacker(): Unpacker | undefined {
  // The types of Node 20 do not know zstd; the runtime may.
  const { createZstdDecompress } = zlib as { createZstdDecompress?: typeof zlib.createGunzip };
  if (!createZstdDecompress) return undefined;
  const input = new PassThrough();
  const output = createZstdDecompress({ chunkSize: CHUNK });
  // What goes wrong anywhere is an error of the output.
  pipeline(input, splitZstdFrames, output, () => undefined);
  // A generator in a pipeline that waits for its next chunk does not notice that nobody wants it any more.
  output.once('close', () => input.destroy());
  return { input, output };
}
