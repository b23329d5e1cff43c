import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { chunkRange, requestedRange } from '../../lib/embedded/ranges.js';
import { Refusal } from '../../lib/embedded/registry-error.js';

describe('requestedRange', () => {
  it.each([
    ['bytes=0-0', 0, 0],
    ['bytes=2-4', 2, 4],
    ['bytes=7-', 7, 9],
    ['bytes=-3', 7, 9],
    ['bytes=-30', 0, 9],
    ['bytes=5-500', 5, 9],
  ])('reads %s of ten bytes', (header, start, end) => {
    expect(requestedRange(header, 10)).toEqual({ start, end });
  });

  it.each([undefined, '', 'bytes=0-1,4-5', 'items=0-1', 'bytes=a-b'])('takes %s for everything', (header) => {
    expect(requestedRange(header, 10)).toBeUndefined();
  });

  it.each(['bytes=10-', 'bytes=10-12', 'bytes=5-4', 'bytes=-0', 'bytes=-', `bytes=${'9'.repeat(400)}-`])(
    'refuses %s, of which no byte is there, and tells the size',
    (header) => {
      expect(() => requestedRange(header, 10)).toThrow(
        expect.objectContaining({ code: 'RANGE_INVALID', status: 416, headers: { 'content-range': 'bytes */10' } }),
      );
    },
  );

  it('refuses every range of an empty blob', () => {
    expect(() => requestedRange('bytes=0-', 0)).toThrow(expect.objectContaining({ status: 416 }));
  });
});

describe('chunkRange', () => {
  it('reads first and last byte', () => {
    expect(chunkRange('0-99')).toEqual({ start: 0, end: 99 });
  });

  it('is undefined for a stream', () => {
    expect(chunkRange(undefined)).toBeUndefined();
  });

  it.each(['', '5', '-5', '5-', 'bytes 0-99/100', '0-99/*', '0x1-0x2', ' 0-1'])('refuses "%s"', (header) => {
    expect(() => chunkRange(header)).toThrow(expect.objectContaining({ code: 'BLOB_UPLOAD_INVALID', status: 400 }));
  });
});

describe('any header', () => {
  const numbers = fc.oneof(fc.nat(20), fc.bigInt({ min: 0n, max: 10n ** 30n }), fc.constant(''));
  const likeRanges = fc.tuple(numbers, numbers).map(([first, last]) => `${first}-${last}`);
  const headers = fc.oneof(
    fc.string(),
    likeRanges,
    likeRanges.map((range) => `bytes=${range}`),
  );

  function readOrRefused(read: () => { start: number; end: number } | undefined): ReturnType<typeof read> {
    try {
      return read();
    } catch (error) {
      expect(error).toBeInstanceOf(Refusal);
      return undefined;
    }
  }

  it('is a range within the blob, or all of it, or refused', () => {
    fc.assert(
      fc.property(headers, fc.nat(30), (header, size) => {
        const range = readOrRefused(() => requestedRange(header, size));
        if (range) expect(0 <= range.start && range.start <= range.end && range.end < size).toBe(true);
      }),
      { seed: 42, numRuns: 1000 },
    );
  });

  it('is a chunk of whole bytes, or refused', () => {
    fc.assert(
      fc.property(headers, (header) => {
        const range = readOrRefused(() => chunkRange(header));
        if (range) expect([range.start, range.end].every(Number.isSafeInteger)).toBe(true);
      }),
      { seed: 43, numRuns: 1000 },
    );
  });
});
