import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Pax } from 'tar';
import { decimal, parsePaxRecords } from '../../lib/archive/pax-records.js';
import { paxEntry } from '../support/tar-builder.js';

function parsed(text: string): Record<string, string> {
  return Object.fromEntries(parsePaxRecords(Buffer.from(text)));
}

function encoded(records: Record<string, string>): Buffer {
  return paxEntry(records).content as Buffer;
}

describe('parsePaxRecords', () => {
  it('reads records one after another', () => {
    expect(parsed('12 path=abc\n16 size=1048576\n')).toEqual({ path: 'abc', size: '1048576' });
  });

  it('reads none from nothing', () => {
    expect(parsed('')).toEqual({});
  });

  it('counts lengths in bytes, not in characters', () => {
    expect(parsed('15 path=안녕\n')).toEqual({ path: '안녕' });
  });

  it('keeps an equals sign of the value', () => {
    expect(parsed('15 comment=a=b\n')).toEqual({ comment: 'a=b' });
  });

  it('sees no record in the lines of a value, as a reader that goes by lines would', () => {
    const bytes = encoded({ comment: 'x\n13 path=evil\ny' });
    expect(Object.fromEntries(parsePaxRecords(bytes))).toEqual({ comment: 'x\n13 path=evil\ny' });
    expect(Pax.parse(bytes.toString()).path).toBe('evil');
  });

  it('takes an empty value for a record that does not count', () => {
    expect(parsed('12 path=abc\n8 path=\n')).toEqual({});
  });

  it('takes the last of two records', () => {
    expect(parsed('12 path=abc\n12 path=xyz\n')).toEqual({ path: 'xyz' });
  });

  it('keeps a keyword that is the name of a prototype as data', () => {
    const records = parsePaxRecords(encoded({ ['__proto__']: 'x' }));
    expect([...records]).toEqual([['__proto__', 'x']]);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  it.each([
    ['no number', 'path=abc\n'],
    ['a length that is too long', '99 path=abc\n'],
    ['a length that is too short', '11 path=abc\n'],
    ['a length of zero', '0 path=abc\n'],
    ['a length of zero behind a record', '12 path=abc\n0 path=abc\n'],
    ['a length that ends at the keyword', '3 path=abc\n'],
    ['a negative length', '-12 path=abc\n'],
    ['a fraction', '12.0 path=abc\n'],
    ['a number no file can have', '99999999999999999999 path=abc\n'],
    ['blanks before the length', ' 12 path=abc\n'],
    ['no line end', '12 path=abcd'],
    ['no keyword', '8 =abcd\n'],
    ['no equals sign', '11 pathabc\n'],
    ['a zero byte', '12 path=a\0c\n'],
    ['a rest that is no record', '12 path=abc\nrest'],
    ['zeros behind it', '12 path=abc\n\0\0'],
  ])('refuses %s', (_, text) => {
    expect(() => parsed(text)).toThrow('a record is not what its length says');
  });

  it('reads back whatever can be written', () => {
    const part = fc.string({ unit: 'binary', minLength: 1 }).filter((text) => !/[\0\ud800-\udfff]/.test(text));
    const keyword = part.filter((text) => !text.includes('='));
    fc.assert(
      fc.property(fc.dictionary(keyword, part, { noNullPrototype: true }), (records) => {
        expect(new Map(parsePaxRecords(encoded(records)))).toEqual(new Map(Object.entries(records)));
      }),
      { seed: 20, numRuns: 200 },
    );
  });

  it('throws nothing but an Error at random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        try {
          parsePaxRecords(Buffer.from(bytes));
        } catch (error) {
          expect((error as Error).message).toBe('a record is not what its length says');
        }
      }),
      { seed: 21, numRuns: 500 },
    );
  });
});

describe('decimal', () => {
  it.each([
    ['0', 0],
    ['0012', 12],
    ['9663676416', 9_663_676_416],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('reads %s', (text, number) => {
    expect(decimal(text)).toBe(number);
  });

  it.each(['', ' 1', '1 ', '-1', '+1', '1.0', '1e3', '0x10', '٣', '9007199254740992', 'NaN', 'Infinity'])(
    'does not read %j',
    (text) => {
      expect(decimal(text)).toBeUndefined();
    },
  );
});
