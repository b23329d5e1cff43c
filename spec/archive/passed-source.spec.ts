import { describe, expect, it } from '@jest/globals';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { PassedSource } from '../../lib/archive/passed-source.js';

describe('PassedSource', () => {
  const small = Buffer.from('small');
  const at = (position: number, size: number) => ({ name: 'layer.tar', position, size });

  it('gives what is in memory, as often as it is asked', async () => {
    const source = new PassedSource('the stream');
    source.put(512, small);
    for (let times = 0; times < 2; times++) {
      expect(await buffer(source.open(at(512, 5)))).toEqual(small);
      expect(await source.read(512, 2)).toEqual(small.subarray(0, 2));
    }
  });

  it('opens what went elsewhere when it is asked for, not before', async () => {
    const source = new PassedSource('the stream');
    let opened = 0;
    source.put(512, () => {
      opened += 1;
      return Promise.resolve(Readable.from([Buffer.from('from '), small]));
    });
    expect(opened).toBe(0);
    expect((await buffer(source.open(at(512, 10)))).toString()).toBe('from small');
    expect(opened).toBe(1);
  });

  it('fails with what opening fails with', async () => {
    const source = new PassedSource('the stream');
    source.put(512, () => Promise.reject(new Error('gone')));
    await expect(buffer(source.open(at(512, 5)))).rejects.toThrow('gone');
  });

  it('says what to do about a content that was not kept', async () => {
    const source = new PassedSource('the stream');
    await expect(buffer(source.open(at(512, 5)))).rejects.toMatchObject({
      message: expect.stringContaining('layer.tar did not look like a part of an image when it passed in the stream'),
      hint: 'Push the archive as a file, which can be read again.',
    });
    expect(await buffer(source.open(at(512, 0)))).toHaveLength(0);
  });

  it('lets go of everything when it is closed', async () => {
    const source = new PassedSource('the stream');
    source.put(512, small);
    await source.close();
    await expect(buffer(source.open(at(512, 5)))).rejects.toThrow('did not look like');
  });
});
