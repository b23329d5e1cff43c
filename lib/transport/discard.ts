import type { TransportResponse } from './transport.js';

/** What is left is read up to here, and no longer than this, to keep the connection; beyond, a new one is cheaper. */
const MOST_BYTES = 64 * 1024;
const MOST_TIME = 5000;

/** Ends the use of a response whose body does not matter. */
export function discard({ body }: Pick<TransportResponse, 'body'>): void {
  let left = MOST_BYTES;
  const timer = setTimeout(() => body.destroy(), MOST_TIME).unref();
  const ignore = (chunk: Buffer): void => {
    left -= chunk.length;
    if (left < 0) body.destroy();
  };
  body
    .on('error', () => undefined)
    .on('data', ignore)
    .once('close', () => clearTimeout(timer));
}
