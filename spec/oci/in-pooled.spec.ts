import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { buffers, POOLED } from '../../lib/oci/buffer-pool.js';
import { inPooled } from '../../lib/oci/in-pooled.js';

async function* cut(content: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < content.length; at += size) yield await Promise.resolve(content.subarray(at, at + size));
}

async function gathered(content: Buffer, size: number): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of inPooled(cut(content, size))) chunks.push(chunk);
  return chunks;
}

describe('inPooled', () => {
  it.each([1000, 64 * 1024, POOLED, POOLED + 1, 3 * POOLED])(
    'gives the same bytes in full buffers, the last one excepted, for chunks of %p',
    async (size) => {
      const content = randomBytes(2 * POOLED + 4321);
      const chunks = await gathered(content, size);
      expect(chunks.map(({ length }) => length)).toEqual([POOLED, POOLED, 4321]);
      expect(Buffer.concat(chunks).equals(content)).toBe(true);
    },
  );

  it('gives nothing of nothing, and no empty chunk behind a full one', async () => {
    expect(await gathered(Buffer.alloc(0), 10)).toEqual([]);
    expect(await gathered(Buffer.alloc(POOLED), 1000)).toHaveLength(1);
  });

  it('gives buffers of the pool, which can be given back', async () => {
    const [chunk] = await gathered(Buffer.alloc(POOLED), 1000);
    buffers.giveBack(chunk as Buffer);
    expect(buffers.take().buffer).toBe(chunk?.buffer);
  });

  it('fails with what the chunks fail with', async () => {
    async function* failing(): AsyncGenerator<Buffer> {
      yield await Promise.resolve(Buffer.from('x'));
      throw new Error('no more');
    }
    await expect(inPooled(failing()).next()).rejects.toThrow('no more');
  });
});
