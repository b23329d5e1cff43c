import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { InvalidArgumentError } from '../../lib/errors.js';
import { algorithmOf, assertDigest, digestOf, Digester, hexOf, isDigest, shortDigest } from '../../lib/oci/digest.js';

const HEX_64 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const SHA256 = `sha256:${HEX_64}`;
const SHA512 = `sha512:${HEX_64}${HEX_64}`;

/** Nothing of this may reach a URL or a path (CVE-2024-3727). */
const WRONG: readonly [string, unknown][] = [
  ['nothing', undefined],
  ['null', null],
  ['a number', 5],
  ['an object that prints as a digest', { toString: () => SHA256 }],
  ['an array of one digest', [SHA256]],
  ['empty text', ''],
  ['the algorithm alone', 'sha256:'],
  ['the hexadecimal part alone', HEX_64],
  ['upper-case digits', SHA256.toUpperCase().replace('SHA256', 'sha256')],
  ['an upper-case algorithm', `SHA256:${HEX_64}`],
  ['63 digits', SHA256.slice(0, -1)],
  ['65 digits', `${SHA256}0`],
  ['a digit that is none', `${SHA256.slice(0, -1)}g`],
  ['sha512 with 64 digits', `sha512:${HEX_64}`],
  ['sha256 with 128 digits', `sha256:${HEX_64}${HEX_64}`],
  ['md5', 'md5:d41d8cd98f00b204e9800998ecf8427e'],
  ['sha384', `sha384:${HEX_64}${HEX_64.slice(0, 32)}`],
  ['an unknown algorithm with the right number of digits', `sha3+x:${HEX_64}`],
  ['a path', `sha256:../../../etc/passwd`],
  ['a path of the right length', `sha256:${'../'.repeat(21)}a`],
  ['a line break at the end', `${SHA256}\n`],
  ['a line break before', `\n${SHA256}`],
  ['a space', ` ${SHA256}`],
  ['NUL', `${SHA256.slice(0, -1)}\0`],
  ['full-width digits', `sha256:${'０'.repeat(64)}`],
  ['two digests', `${SHA256},${SHA256}`],
];

describe('isDigest', () => {
  it.each([SHA256, SHA512])('is true for %s', (digest) => {
    expect(isDigest(digest)).toBe(true);
  });

  it.each(WRONG)('is false for %s', (_, value) => {
    expect(isDigest(value)).toBe(false);
  });
});

describe('assertDigest', () => {
  it('returns the digest', () => {
    expect(assertDigest(SHA256)).toBe(SHA256);
  });

  it.each(WRONG)('refuses %s', (_, value) => {
    expect(() => assertDigest(value as string)).toThrow(InvalidArgumentError);
  });

  it('says what it was given, made visible and short, and what a digest looks like', () => {
    const refused = () => assertDigest(`sha256:\u001b[2J${'x'.repeat(5000)}`);
    expect(refused).toThrow(/^"sha256:\\u001b\[2Jx+…" is not a digest\. A digest is sha256: and 64/);
    expect(refused).toThrow(expect.objectContaining({ code: 'DIGEST_INVALID' }));
  });
});

describe('the parts of a digest', () => {
  it('are its algorithm and its digits', () => {
    expect([algorithmOf(SHA256), hexOf(SHA256)]).toEqual(['sha256', HEX_64]);
    expect([algorithmOf(SHA512), hexOf(SHA512)]).toEqual(['sha512', HEX_64 + HEX_64]);
  });

  it('is told from others by its first 12 digits', () => {
    expect(shortDigest(SHA512)).toBe(HEX_64.slice(0, 12));
    expect(() => shortDigest('latest')).toThrow(InvalidArgumentError);
  });

  it('are not there when it is none', () => {
    expect(() => algorithmOf('sha512:0')).toThrow(InvalidArgumentError);
    expect(() => hexOf('sha256:../..')).toThrow(InvalidArgumentError);
  });
});

describe('digestOf', () => {
  it('is the digest of text and of bytes, sha256 unless asked for sha512', () => {
    expect(digestOf('')).toBe(SHA256);
    expect(digestOf('안녕')).toBe(digestOf(Buffer.from('안녕')));
    expect(digestOf('a', 'sha512')).toBe(`sha512:${createHash('sha512').update('a').digest('hex')}`);
  });
});

describe('Digester', () => {
  it('counts and hashes over chunks what digestOf hashes at once', () => {
    const property = fc.property(
      fc.array(fc.uint8Array()),
      fc.constantFrom('sha256', 'sha512'),
      (chunks, algorithm) => {
        const digester = new Digester(algorithm);
        for (const chunk of chunks) digester.update(chunk);
        const whole = Buffer.concat(chunks);
        expect(digester.size).toBe(whole.length);
        expect(digester.digest()).toBe(digestOf(whole, algorithm));
      },
    );
    fc.assert(property, { seed: 20260101, numRuns: 100 });
  });

  it('is a digest that isDigest accepts', () => {
    expect(isDigest(new Digester().digest())).toBe(true);
    expect(isDigest(new Digester('sha512').digest())).toBe(true);
  });
});
