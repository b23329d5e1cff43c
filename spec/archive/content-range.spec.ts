import { describe, expect, it } from '@jest/globals';
import { CHUNK, openRange, shortened } from '../../lib/archive/content-range.js';
import { TarReadError } from '../../lib/errors.js';
import { bytesOf, errorOf } from './reading.js';

/** A source of zeros that gives at most `most` bytes at a time and ends at `end`. */
function zeros(end: number, most = Infinity) {
  const asked: [number, number][] = [];
  const read = (position: number, length: number) => {
    asked.push([position, length]);
    return Promise.resolve(Buffer.alloc(Math.max(0, Math.min(length, most, end - position))));
  };
  return { name: 'app.tar', read, asked };
}

describe('openRange', () => {
  it('asks for 1 MiB at a time, and for nothing behind the range', async () => {
    const source = zeros(10 * CHUNK);
    expect(await bytesOf(openRange(source, { name: 'a', position: 100, size: 2 * CHUNK + 5 }))).toHaveLength(
      2 * CHUNK + 5,
    );
    expect(source.asked).toEqual([
      [100, CHUNK],
      [100 + CHUNK, CHUNK],
      [100 + 2 * CHUNK, 5],
    ]);
  });

  it('asks again after a short read', async () => {
    const source = zeros(100, 30);
    expect(await bytesOf(openRange(source, { name: 'a', position: 0, size: 70 }))).toHaveLength(70);
    expect(source.asked.map(([position]) => position)).toEqual([0, 30, 60]);
  });

  it('asks for nothing before somebody reads', async () => {
    const source = zeros(100);
    const stream = openRange(source, { name: 'a', position: 0, size: 70 });
    stream.destroy();
    await new Promise((resolve) => stream.once('close', resolve));
    expect(source.asked).toEqual([]);
  });

  it('reads no more than two pieces ahead of a slow reader', async () => {
    const source = zeros(100 * CHUNK);
    const stream = openRange(source, { name: 'a', position: 0, size: 100 * CHUNK });
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(source.asked.length).toBeLessThanOrEqual(3);
    stream.destroy();
  });

  it('fails when the source ends early, instead of ending', async () => {
    const error = await errorOf(bytesOf(openRange(zeros(50), { name: 'dir/layer.tar', position: 0, size: 70 })));
    expect(error).toBeInstanceOf(TarReadError);
    expect(error.message).toMatch(/^app\.tar ended inside dir\/layer\.tar\. The file changed/);
  });
});

describe('shortened', () => {
  it('makes control characters of a name visible', () => {
    expect(shortened('app.tar', '\u001b[2J').message).toContain('app.tar ended inside \\u001b[2J');
  });
});
