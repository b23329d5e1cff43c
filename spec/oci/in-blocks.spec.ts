import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Readable } from 'node:stream';
import { inBlocks } from '../../lib/oci/in-blocks.js';

function streamOf(chunks: readonly Uint8Array[]): Readable {
  // In object mode, so that chunks stay as they are.
  return Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
}

async function blocksOf(source: Readable, size: number): Promise<Buffer[]> {
  const blocks: Buffer[] = [];
  for await (const block of inBlocks(source, size)) blocks.push(block);
  return blocks;
}

describe('inBlocks', () => {
  it.each([
    ['nothing', [], []],
    ['empty chunks', ['', ''], []],
    ['less than a block', ['ab'], ['ab']],
    ['a block', ['abc'], ['abc']],
    ['a block and a bit', ['abcd'], ['abc', 'd']],
    ['a chunk of several blocks', ['abcdefgh'], ['abc', 'def', 'gh']],
    ['a block in pieces', ['a', 'b', 'c'], ['abc']],
    ['pieces that cross a block', ['ab', 'cd', 'ef'], ['abc', 'def']],
    ['empty chunks between', ['', 'a', '', 'bc', '', 'd', ''], ['abc', 'd']],
  ])('cuts %s', async (_, chunks, blocks) => {
    const cut = await blocksOf(streamOf(chunks.map((chunk) => Buffer.from(chunk))), 3);
    expect(cut.map(String)).toEqual(blocks);
  });

  it('cuts whatever comes into blocks of one size, the last one excepted', async () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(chunks, fc.integer({ min: 1, max: 30 }), async (list, size) => {
        const blocks = await blocksOf(streamOf(list), size);
        expect(Buffer.concat(blocks).equals(Buffer.concat(list))).toBe(true);
        expect(blocks.slice(0, -1).every((block) => block.length === size)).toBe(true);
        expect(blocks.every((block) => block.length > 0 && block.length <= size)).toBe(true);
      }),
      { seed: 40, numRuns: 300 },
    );
  });

  it('copies nothing that fits already', async () => {
    const chunk = Buffer.from('abcdef');
    const [first, second] = await blocksOf(Readable.from([chunk]), 3);
    expect([first!.buffer === chunk.buffer, second!.buffer === chunk.buffer]).toEqual([true, true]);
  });

  it('takes no chunk before it is needed', async () => {
    let taken = 0;
    const source = new Readable({
      objectMode: true,
      highWaterMark: 1,
      read() {
        taken += 1;
        this.push(Buffer.from('abc'));
      },
    });
    const blocks = inBlocks(source, 3);
    await blocks.next();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(taken).toBeLessThanOrEqual(3);
    await blocks.return(undefined);
    expect(source.destroyed).toBe(true);
  });

  it('fails with the error of the source', async () => {
    const source = new Readable({
      read() {
        this.destroy(new Error('disk on fire'));
      },
    });
    await expect(blocksOf(source, 3)).rejects.toThrow('disk on fire');
  });
});
