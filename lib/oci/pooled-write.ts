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

/**
 * Writes one chunk after another, each as {@link pooledWrite} does.
 * @returns resolves once the chunk before is with the system: while one is taken, the next can be read
 */
export function aheadWriter(to: Parameters<typeof pooledWrite>[0]): (bytes: Buffer) => Promise<void> {
  let before: Promise<void> | undefined;
  return async (bytes) => {
    const written = pooledWrite(to, bytes);
    await before;
    before = written;
  };
}
