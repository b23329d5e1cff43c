import { describe, expect, it } from '@jest/globals';
import { inflateRawSync } from 'node:zlib';
import { BlockDeflater } from '../../lib/compression/block-deflater.js';

const BLOCK = 128 * 1024;
/** Bytes of the buffer in which Node collects results. */
const BUFFER = BLOCK / 2;
const END = Buffer.from([0x03, 0x00]);

/** Numbers that look random, and are the same in every run. */
function* numbers(seed: number): Generator<number> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state >>> 8;
  }
}

/** A block that begins with `length` bytes that pack badly. */
function blockOf(length: number, size = BLOCK, letters = 256): Buffer {
  const random = numbers(length + letters);
  const block = Buffer.alloc(size);
  for (let i = 0; i < length; i++) block[i] = (random.next().value as number) % letters;
  return block;
}

const fresh = (block: Buffer): Promise<Buffer> => new BlockDeflater(1, BLOCK).deflate(block);

describe('BlockDeflater', () => {
  const mixed = Array.from({ length: 120 }, (_, i) => {
    const size = i % 2 === 0 ? BLOCK : 1 + ((i * 7919) % BLOCK);
    return blockOf((i * 1009) % size, size, 1 + ((i * 37) % 256));
  });

  it('gives the same bytes for a block, whatever it has seen before', async () => {
    const used = new BlockDeflater(1, BLOCK);
    for (const [i, block] of mixed.entries()) {
      const [one, other] = [await used.deflate(block), await fresh(block)];
      expect([i, one.equals(other)]).toEqual([i, true]);
    }
  });

  it('gives the same bytes when they end where the buffer of Node does', async () => {
    const zeros = blockOf(0);
    const { length } = await fresh(zeros);
    // With as many blocks of zeros before it, and so many bytes of its own, the next one fills the buffer exactly.
    const before = Math.floor(BUFFER / length) - 4;
    const left = BUFFER - before * length;
    let filling = zeros;
    for (let bytes = 1; (await fresh(filling)).length !== left; bytes++) filling = blockOf(bytes);
    const used = new BlockDeflater(1, BLOCK);
    for (let i = 0; i < before; i++) await used.deflate(zeros);
    expect((await used.deflate(filling)).length).toBe(left);
    expect((await used.deflate(zeros)).equals(await fresh(zeros))).toBe(true);
  });

  it('makes blocks that can be joined', async () => {
    const deflater = new BlockDeflater(1, BLOCK);
    const packed: Buffer[] = [];
    for (const block of mixed) packed.push(await deflater.deflate(block));
    expect(inflateRawSync(Buffer.concat([...packed, END])).equals(Buffer.concat(mixed))).toBe(true);
  });

  it('ends each with the empty block of a full flush', async () => {
    const packed = await fresh(Buffer.alloc(1000));
    expect(packed.subarray(-4)).toEqual(Buffer.from([0, 0, 0xff, 0xff]));
  });
});
