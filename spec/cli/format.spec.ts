import { describe, expect, it } from '@jest/globals';
import { cutTo, formatBytes, formatColumns, formatJson, roomOf, shortEntry, widthOf } from '../../lib/cli/format.js';

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [1, '1 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [1049, '1.0 kB'],
    [1050, '1.1 kB'],
    [999_940, '999.9 kB'],
    [999_960, '1.0 MB'],
    [1_000_000, '1.0 MB'],
    [1_234_567_890, '1.2 GB'],
    [5 * 10 ** 12, '5.0 TB'],
    [1234 * 10 ** 12, '1234.0 TB'],
  ])('shows %p as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe('shortEntry', () => {
  const digest = '0123456789abcdef'.repeat(4);

  it.each([
    ['layer.tar', 'layer.tar'],
    [`blobs/sha256/${digest}`, 'blobs/sha256/0123456789ab'],
    [`${digest}/layer.tar`, '0123456789ab/layer.tar'],
    [`blobs/sha512/${digest}${digest}`, 'blobs/sha512/0123456789ab'],
    [`${digest.slice(1)}.tar`, `${digest.slice(1)}.tar`],
  ])('shows %s as %s', (entry, text) => {
    expect(shortEntry(entry)).toBe(text);
  });
});

describe('formatColumns', () => {
  it('makes columns of equal width, and ends lines where their text ends', () => {
    expect(
      formatColumns([
        ['Tags', 'app:1'],
        ['Platform', ''],
        ['', 'linux'],
      ]),
    ).toBe('Tags      app:1\nPlatform\n          linux\n');
  });

  it('takes as many rows as a config may have lines', () => {
    expect(formatColumns(Array.from({ length: 200_000 }, () => ['Env', 'A=b'])).length).toBe(200_000 * 9);
  });

  it('makes nothing of no rows', () => {
    expect(formatColumns([])).toBe('');
  });
});

describe('formatJson', () => {
  it('is indented', () => {
    expect(formatJson([{ a: 1 }])).toBe('[\n  {\n    "a": 1\n  }\n]\n');
  });

  it('is one line without indent', () => {
    expect(formatJson(['a', 'b'], 0)).toBe('["a","b"]\n');
  });

  it('lets no character through that steers a terminal, and loses none', () => {
    const value = { name: '\u001b[2J\u009b31m\u202elatsyrc\u2028한국어' };
    const text = formatJson(value);
    // eslint-disable-next-line no-control-regex -- these are what it is about
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e\u2028]/);
    expect(text).toContain('한국어');
    expect(JSON.parse(text)).toEqual(value);
  });

  it('cuts nothing off', () => {
    const long = 'x'.repeat(100_000);
    expect(JSON.parse(formatJson({ long }))).toEqual({ long });
  });
});

describe('formatColumns, where there is too little room', () => {
  const rows = [
    ['NAME', 'TYPE', 'TIME'],
    ['abcdefghij', 'application/x', '2024-02-03T04:05:06Z'],
  ];

  it.each([
    [47, 'abcdefghij  application/x  2024-02-03T04:05:06Z'],
    [46, 'abcdefghij  application/x  2024-02-03T04:05:0…'],
    [38, 'abcdefghij  application/x  2024-02-03…'],
    [35, 'abcdefghij  applicati…  2024-02-03…'],
    [30, 'abcdefghij  appl…  2024-02-03…'],
    [26, 'abcdefghij  appl…  2024-0…'],
  ])('of %p columns has cells that give way in their order, and no line that is longer', (room, line) => {
    const givingWay = [
      [2, 11],
      [1, 5],
    ] as const;
    const [head, body] = formatColumns(rows, room, givingWay).split('\n');
    expect([body, widthOf(head!) <= room]).toEqual([line, true]);
  });
});

describe('roomOf', () => {
  it('is what a terminal has, and no end of it elsewhere', () => {
    const all = [{ isTTY: true, columns: 80 }, { isTTY: true, columns: 0 }, { columns: 80 }, {}].map(roomOf);
    expect(all).toEqual([80, Infinity, Infinity, Infinity]);
  });
});

describe('cutTo', () => {
  it.each([
    ['short', 5, 'short'],
    ['longer', 5, 'long…'],
    ['한국어', 6, '한국어'],
    ['한국어', 5, '한국…'],
    ['한국어', 4, '한…'],
    ['a😀b', 3, 'a…'],
    ['any', 1, '…'],
  ])('makes %p of %p columns %p', (text, width, cut) => {
    expect(cutTo(text, width)).toBe(cut);
    expect(widthOf(cut)).toBeLessThanOrEqual(width);
  });
});
