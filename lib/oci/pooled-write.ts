import type { Writable } from 'node:stream';
import { buffers } from './buffer-pool.js';

/**
 * Writes, and gives the buffer back to the pool.
 * @returns undefined when there is room for more; else what resolves once these bytes are with the system, or never will be
 */
export function pooledWrite(to: Pick<Writable, 'write' | 'on' | 'off'>, bytes: Buffer): Promise<void> | undefined {
  let settle = (): void => undefined;
  const settled = new Promise<void>((resolve) => {
    settle = (): void => {
      to.off('close', settle);
      resolve();
    };
  });
  const hasRoom = to.write(bytes, (error) => {
    if (!error) buffers.giveBack(bytes);
    settle();
  });
  if (hasRoom) return undefined;
  to.on('close', settle);
  return settled;
}
