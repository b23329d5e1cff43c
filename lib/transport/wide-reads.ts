import type { OnReadOpts, Socket } from 'node:net';

/** Bytes taken from a socket at once, where there are so many. */
const WIDE = 1024 * 1024;

/**
 * What makes Node read more than 64 KiB at once, and without a new buffer each time: a download costs half as much. Node gives
 * nothing to its HTTP parser then, so we do; that copies what it keeps before it returns, and one buffer serves all connections.
 */
export const wideReads: OnReadOpts = {
  buffer: Buffer.allocUnsafeSlow(WIDE),
  callback(this: Socket, length: number, buffer: Uint8Array): boolean {
    this.emit('data', (buffer as Buffer).subarray(0, length));
    return true;
  },
};
