import { availableParallelism } from 'node:os';

/** Threads libuv keeps for compression and files when nothing says otherwise. */
const DEFAULT_THREADS = 4;

/** How many layers can really be compressed at once: the cores, or the threads libuv keeps for such work. */
export function compressionParallelism(env: Readonly<Record<string, string | undefined>> = process.env): number {
  const { UV_THREADPOOL_SIZE } = env;
  // libuv reads it with C's atoi: what is no number is 0, and less than one thread is one.
  const threads = UV_THREADPOOL_SIZE === undefined ? DEFAULT_THREADS : Number.parseInt(UV_THREADPOOL_SIZE, 10) || 1;
  return Math.max(1, Math.min(availableParallelism(), threads));
}
