import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { splitZstdFrames } from '../../lib/compression/zstd-frames.js';

/** What the zstd program makes of some content; the header and the blocks of each are of another form. */
const FRAMES = {
  /** `first frame\n`, size and checksum. */
  known: 'KLUv/SQMYQAAZmlyc3QgZnJhbWUKDsLHKg==',
  /** The same without a checksum. */
  unchecked: 'KLUv/SAMYQAAZmlyc3QgZnJhbWUK',
  /** The same from a pipe, so with a window instead of a size. */
  piped: 'KLUv/QRYYQAAZmlyc3QgZnJhbWUKDsLHKg==',
  compressed: 'KLUv/SQxHQEA6HNlY29uZCBmcmFtZSwgd2l0aCBtb3JlIHRleHQKAQCALk7ls2dr',
  empty: 'KLUv/SQAAQAAmenYUQ==',
  /** 400000 zeros: several blocks, most of them one repeated byte, and a size of four bytes. */
  zeros: 'KLUv/aSAGgYAVAAAEAAAAQD7/znAAgIAEAACABAAA9QAANrKoMI=',
};

const ALL = Object.values(FRAMES).map((text) => Buffer.from(text, 'base64'));

function skippable(content: string, nibble = 0): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(0x184d2a50 + nibble, 0);
  header.writeUInt32LE(content.length, 4);
  return Buffer.concat([header, Buffer.from(content)]);
}

async function split(chunks: readonly Buffer[]): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  for await (const piece of splitZstdFrames(asyncOf(chunks))) pieces.push(piece);
  return pieces;
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* asyncOf(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks;
}

describe('splitZstdFrames', () => {
  it.each(Object.entries(FRAMES))('finds the end of a frame: %s', async (_, text) => {
    const frame = Buffer.from(text, 'base64');
    expect(await split([Buffer.concat([frame, frame])])).toEqual([frame, frame]);
  });

  it('finds the end of skippable frames, empty ones too', async () => {
    const frames = [skippable('index', 3), ALL[0]!, skippable('', 15), skippable('end')];
    expect(await split([Buffer.concat(frames)])).toEqual(frames);
  });

  it('passes nothing on of nothing', async () => {
    expect(await split([])).toEqual([]);
    expect(await split([Buffer.alloc(0)])).toEqual([]);
  });

  it('refuses a frame that is cut short, wherever', async () => {
    const [frame] = ALL;
    for (let at = 1; at < frame!.length; at += 1) {
      await expect(split([frame!, frame!.subarray(0, at)])).rejects.toThrow('unexpected end of file');
    }
    await expect(split([skippable('index').subarray(0, 10)])).rejects.toThrow('unexpected end of file');
  });

  it('refuses what is no frame behind one', async () => {
    await expect(split([Buffer.concat([ALL[0]!, Buffer.from('garbage')])])).rejects.toThrow(
      'something that is not zstd',
    );
    await expect(split([Buffer.concat([ALL[0]!, Buffer.alloc(8)])])).rejects.toThrow('something that is not zstd');
  });

  it('does not depend on how the bytes come', async () => {
    const frames = fc.array(fc.constantFrom(...ALL, skippable('x'), skippable('')), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(frames, fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), async (list, sizes) => {
        const bytes = Buffer.concat(list);
        const chunks: Buffer[] = [];
        for (let at = 0, i = 0; at < bytes.length; i += 1) {
          const size = sizes[i % sizes.length]!;
          chunks.push(bytes.subarray(at, at + size));
          at += size;
        }
        const pieces = await split(chunks);
        expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
        // Every end of a frame is the end of a piece.
        const ends = new Set(endsOf(pieces));
        expect(endsOf(list).every((end) => ends.has(end))).toBe(true);
      }),
      { seed: 41, numRuns: 300 },
    );
  });
});

function endsOf(pieces: readonly Buffer[]): number[] {
  let end = 0;
  return pieces.map((piece) => (end += piece.length));
}
