import { availableParallelism } from 'node:os';

/** How many blocks can really be compressed at once: the cores, or the threads libuv keeps for such work (4 unless told). */
export function compressionParallelism(env: Readonly<Record<string, string | undefined>> = process.env): number {
  const threads = Number(env.UV_THREADPOOL_SIZE) || 4;
  return Math.max(1, Math.min(availableParallelism(), threads));
}
