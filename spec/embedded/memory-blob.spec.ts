import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { MemoryBlob } from '../../lib/embedded/memory-blob.js';

function blobOf(...chunks: string[]): MemoryBlob {
  const blob = new MemoryBlob();
  for (const chunk of chunks) blob.append(Buffer.from(chunk));
  return blob;
}

describe('MemoryBlob', () => {
  it('gives back what was appended, as often as asked', async () => {
    const blob = blobOf('one ', 'two ', 'three');
    expect(blob.size).toBe(13);
    expect(await text(blob.read())).toBe('one two three');
    expect(await text(blob.read())).toBe('one two three');
  });

  it.each([
    [0, 0, 'o'],
    [0, 3, 'one '],
    [4, 7, 'two '],
    [3, 8, ' two t'],
    [12, 12, 'e'],
  ])('gives the bytes from %d to %d', async (start, end, expected) => {
    expect(await text(blobOf('one ', 'two ', 'three').read({ start, end }))).toBe(expected);
  });

  it('is empty at first', async () => {
    const blob = blobOf();
    expect([blob.size, await text(blob.read())]).toEqual([0, '']);
  });

  it('neither copies nor joins its chunks', async () => {
    const chunks = [Buffer.alloc(1000, 'a'), Buffer.alloc(1000, 'b')];
    const blob = new MemoryBlob();
    for (const chunk of chunks) blob.append(chunk);
    const read: Buffer[] = [];
    for await (const chunk of blob.read()) read.push(chunk as Buffer);
    expect(read.map(({ buffer, length }) => [buffer, length])).toEqual(chunks.map(({ buffer }) => [buffer, 1000]));
    expect(read[0]?.buffer).toBe(chunks[0]?.buffer);
  });

  it('lets go of its bytes when cleared', async () => {
    const blob = blobOf('content');
    blob.clear();
    expect([blob.size, await text(blob.read())]).toEqual([0, '']);
  });
});
