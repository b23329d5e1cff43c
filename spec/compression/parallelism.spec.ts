import { describe, expect, it } from '@jest/globals';
import { availableParallelism } from 'node:os';
import { compressionParallelism } from '../../lib/compression/parallelism.js';

describe('compressionParallelism', () => {
  const cores = availableParallelism();

  it('is that of the cores, or of the four threads of libuv', () => {
    expect(compressionParallelism({})).toBe(Math.min(cores, 4));
  });

  it('goes by the environment of the process', () => {
    expect(compressionParallelism()).toBe(compressionParallelism(process.env));
  });

  it.each([
    ['1', 1],
    ['1000', cores],
    ['2.5', Math.min(cores, 2)],
    ['0', 1],
    ['-3', 1],
    ['', 1],
    ['many', 1],
  ])('takes UV_THREADPOOL_SIZE=%j for %d threads, as libuv does', (UV_THREADPOOL_SIZE, threads) => {
    expect(compressionParallelism({ UV_THREADPOOL_SIZE })).toBe(threads);
  });
});
