import { describe, expect, it } from '@jest/globals';
import { chunkRange, requestedRange } from '../../lib/embedded/ranges.js';

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
