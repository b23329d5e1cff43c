import { describe, expect, it } from '@jest/globals';
import { BufferPool, POOLED } from '../../lib/oci/buffer-pool.js';

describe('BufferPool', () => {
  it('gives what was given back, and only then', () => {
    const pool = new BufferPool();
    const [one, two] = [pool.take(), pool.take()];
    expect(one.buffer).not.toBe(two.buffer);
    pool.giveBack(one);
    expect(pool.take().buffer).toBe(one.buffer);
    expect(pool.take().buffer).not.toBe(one.buffer);
  });

  it('takes a buffer back once', () => {
    const pool = new BufferPool();
    const one = pool.take();
    pool.giveBack(one);
    pool.giveBack(one);
    expect(pool.take().buffer).not.toBe(pool.take().buffer);
  });

  it.each<[string, (pool: BufferPool) => Buffer]>([
    ['the buffer of somebody else, whatever its size', () => Buffer.from(new ArrayBuffer(POOLED))],
    ['one of another pool', () => new BufferPool().take()],
    ['a part of one', (pool) => pool.take().subarray(1)],
  ])('never takes %s', (_, bufferOf) => {
    const pool = new BufferPool();
    const buffer = bufferOf(pool);
    pool.giveBack(buffer);
    expect(pool.take().buffer).not.toBe(buffer.buffer);
  });

  it('keeps no more than 8 MiB', () => {
    const pool = new BufferPool();
    const taken = Array.from({ length: 40 }, () => pool.take());
    for (const buffer of taken) pool.giveBack(buffer);
    const again = new Set(Array.from({ length: 40 }, () => pool.take().buffer));
    expect(taken.filter(({ buffer }) => again.has(buffer))).toHaveLength(8);
  });
});
