import { describe, expect, it } from '@jest/globals';
import { crc32, deflateRawSync, gunzipSync, gzipSync } from 'node:zlib';
import { GzipCheck, trailer } from '../../lib/compression/gzip-check.js';

const PLAIN = Buffer.from('what a layer has in it, and more of what a layer has in it');
const PACKED = gzipSync(PLAIN);

interface Case {
  plain?: Buffer;
  packed?: Buffer;
  /** Bytes of a chunk. */
  step?: number;
  isComplete?: boolean;
}

/** What the check says of bytes and of the gzip that was made of them. */
function problemOf({ plain = PLAIN, packed = PACKED, step = Infinity, isComplete = true }: Case): string | undefined {
  const check = new GzipCheck();
  for (const chunk of chunksOf(plain, step)) check.addPlain(chunk);
  if (isComplete) check.endPlain();
  for (const chunk of chunksOf(packed, step)) {
    check.addPacked(chunk);
    // Whoever gave the chunk may write something else into it.
    chunk.fill(0);
  }
  return check.problem();
}

function chunksOf(bytes: Buffer, step: number): Buffer[] {
  const size = Math.min(step, bytes.length);
  const count = size === 0 ? 0 : Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, i) => Buffer.from(bytes.subarray(i * size, (i + 1) * size)));
}

/** The gzip with one byte of it changed. */
function changed(index: number, value: (before: number) => number = (before) => before ^ 1): Buffer {
  const bytes = Buffer.from(PACKED);
  const at = index < 0 ? bytes.length + index : index;
  bytes[at] = value(bytes[at]!);
  return bytes;
}

describe('GzipCheck', () => {
  it.each([Infinity, 1, 5, 8, 11])('finds nothing wrong with the gzip of a layer, in chunks of %p bytes', (step) => {
    expect(problemOf({ step })).toBeUndefined();
  });

  it('finds nothing wrong with the gzip of nothing', () => {
    const nothing = Buffer.alloc(0);
    expect(problemOf({ plain: nothing, packed: gzipSync(nothing) })).toBeUndefined();
  });

  it.each([8, 9])('lets byte %p of the header differ between programs', (index) => {
    expect(problemOf({ packed: changed(index) })).toBeUndefined();
  });

  describe.each([Infinity, 3])('in chunks of %p bytes', (step) => {
    it.each([
      ['the first byte of the mark', 0],
      ['the second byte of the mark', 1],
      ['the method', 2],
      ['the flags', 3],
      ['the time', 4],
      ['the last byte of the time', 7],
    ])('finds that %s is not right', (_, index) => {
      const said = 'wrote something that is not gzip, or gzip with a name or a time in it';
      expect(problemOf({ step, packed: changed(index) })).toBe(said);
    });

    it.each([-8, -7, -6, -5, -4, -3, -2, -1])(
      'finds that byte %p of the checksum and the size is not right',
      (index) => {
        expect(problemOf({ step, packed: changed(index) })).toBe('wrote gzip that is not the layer');
      },
    );

    it('finds gzip that breaks off', () => {
      expect(problemOf({ step, packed: PACKED.subarray(0, -1) })).toBe('wrote gzip that is not the layer');
    });

    it('finds gzip with something behind it', () => {
      const packed = Buffer.concat([PACKED, Buffer.from([0])]);
      expect(problemOf({ step, packed })).toBe('wrote gzip that is not the layer');
    });
  });

  it('finds that there is nothing at all', () => {
    expect(problemOf({ packed: Buffer.alloc(0) })).toMatch(/^wrote something that is not gzip/);
  });

  it('does not take a header for a trailer', () => {
    // What has the right end and nothing in between.
    const start = PACKED.subarray(0, 8);
    expect(problemOf({ packed: Buffer.concat([start, trailer(crc32(PLAIN), PLAIN.length)]) })).toBe(
      'wrote gzip that is not the layer',
    );
  });

  it('finds that only a part of the layer was taken, even when its gzip is right', () => {
    expect(problemOf({ isComplete: false })).toBe('took only a part of the layer');
  });
});

describe('trailer', () => {
  it('makes what gzip ends with', () => {
    const start = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
    const packed = Buffer.concat([start, deflateRawSync(PLAIN), trailer(crc32(PLAIN), PLAIN.length)]);
    expect(gunzipSync(packed)).toEqual(PLAIN);
  });

  it('has the size modulo 4 GiB', () => {
    expect(trailer(0, 2 ** 32 + 5)).toEqual(trailer(0, 5));
    expect(trailer(0, 2 ** 32 - 1).subarray(4)).toEqual(Buffer.alloc(4, 0xff));
  });

  it('takes a checksum with or without a sign', () => {
    expect(trailer(-1, 0)).toEqual(trailer(0xffffffff, 0));
  });
});
