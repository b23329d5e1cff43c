import { Readable } from 'node:stream';

/** Bytes that are at hand, as a stream that gives them in one piece. */
export function streamOf(bytes: Uint8Array): Readable {
  return Readable.from([bytes], { objectMode: false });
}
