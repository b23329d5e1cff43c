import { describe, expect, it } from '@jest/globals';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { PassingContent } from '../../lib/archive/passing-content.js';
import { TarStream } from '../../lib/archive/tar-stream.js';
import { noise, toBuffer } from '../support/content.js';
import { buildTar } from '../support/tar-builder.js';

const PIECE = 64 * 1024;

/** The content of the one entry of a tar that comes through a pipe. */
async function passing(bytes: Buffer, piece = PIECE): Promise<PassingContent> {
  const tar = buildTar([{ name: 'layer', content: bytes }]);
  const pieces = Array.from({ length: Math.ceil(tar.length / piece) }, (_, i) =>
    tar.subarray(i * piece, (i + 1) * piece),
  );
  const stream = await TarStream.open(Readable.from(pieces));
  for await (const { content } of stream.entries()) return content;
  throw new Error('there is no entry');
}

async function readSome(stream: Readable, bytes: number): Promise<void> {
  let read = 0;
  for await (const chunk of stream) if ((read += (chunk as Buffer).length) >= bytes) return;
}

describe('PassingContent', () => {
  const small = toBuffer(noise(1_000_000));
  const large = toBuffer(noise(6_000_000));

  it('gives its bytes, and says when the last one has passed', async () => {
    const content = await passing(large);
    expect((await buffer(content.open())).equals(large)).toBe(true);
    await expect(content.passed).resolves.toBeUndefined();
  });

  it('shows how it begins without taking it', async () => {
    const content = await passing(small);
    expect((await content.start(10)).equals(small.subarray(0, 10))).toBe(true);
    expect((await buffer(content.open())).equals(small)).toBe(true);
  });

  it('gives its bytes from the start again, in the middle and behind the end, while they are kept', async () => {
    const content = await passing(small);
    await readSome(content.open(), 300_000);
    expect(content.canOpen).toBe(true);
    expect((await buffer(content.open())).equals(small)).toBe(true);
    expect((await buffer(content.open())).equals(small)).toBe(true);
  });

  it('gives no more to a stream that was opened before', async () => {
    const content = await passing(small);
    const first = content.open();
    await readSome(first, 1);
    const stale = content.open();
    const current = buffer(content.open());
    await expect(buffer(stale)).rejects.toThrow('layer has passed and cannot be read from the stream again');
    expect((await current).equals(small)).toBe(true);
  });

  it('cannot be read again when too much has passed', async () => {
    const content = await passing(large);
    await readSome(content.open(), 5_000_000);
    expect(content.canOpen).toBe(false);
    await expect(buffer(content.open())).rejects.toMatchObject({
      message: expect.stringContaining('layer has passed and cannot be read from the stream again'),
      hint: 'Push the archive as a file, which can be read again.',
    });
  });

  it('cannot be read again when it came in too many pieces', async () => {
    const content = await passing(small.subarray(0, 10_000), 1);
    await readSome(content.open(), 5000);
    expect(content.canOpen).toBe(false);
  });

  it('keeps nothing that nobody will ask for again', async () => {
    const content = await passing(small);
    await readSome(content.open(), 300_000);
    content.release();
    expect(content.canOpen).toBe(false);
  });
});
