import { describe, expect, it } from '@jest/globals';
import { BufferSource } from '../../lib/archive/buffer-source.js';
import { TarReadError } from '../../lib/errors.js';
import { bytesOf, errorOf } from './reading.js';

describe('BufferSource', () => {
  const source = new BufferSource(Buffer.from('0123456789'));

  it('reads anywhere, and less at the end', async () => {
    expect((await source.read(2, 3)).toString()).toBe('234');
    expect((await source.read(8, 5)).toString()).toBe('89');
    expect(await source.read(10, 1)).toHaveLength(0);
    expect(await source.read(2 ** 40, 1)).toHaveLength(0);
    expect([source.size, source.randomAccess]).toEqual([10, true]);
  });

  it('streams a range', async () => {
    expect((await bytesOf(source.open({ name: 'a', position: 3, size: 4 }))).toString()).toBe('3456');
    expect(await bytesOf(source.open({ name: 'a', position: 3, size: 0 }))).toHaveLength(0);
  });

  it('fails where the range goes on behind its end', async () => {
    const error = await errorOf(bytesOf(source.open({ name: 'layer.tar', position: 8, size: 3 })));
    expect(error).toBeInstanceOf(TarReadError);
    expect(error.message).toContain('the archive in memory ended inside layer.tar');
  });

  it('has nothing to check and nothing to close', async () => {
    await source.checkEnd();
    await source.close();
    expect((await source.read(0, 1)).toString()).toBe('0');
  });
});
