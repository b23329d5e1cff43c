import { closeSync, openSync, readSync } from 'node:fs';

/**
 * All bytes of a file, or of a pipe in its place; undefined when there are more than `limit`, of which no more is read.
 * @throws the error of the system
 */
export function readUpTo(path: string, limit: number): Buffer | undefined {
  const file = openSync(path, 'r');
  const chunks: Buffer[] = [];
  try {
    for (let size = 0; size <= limit;) {
      const chunk = Buffer.alloc(Math.min(limit + 1 - size, 64 * 1024));
      const read = readSync(file, chunk);
      if (read === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, read));
      size += read;
    }
    return undefined;
  } finally {
    closeSync(file);
  }
}
