import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeHeader, isTarStart, nameInDamaged } from '../../lib/archive/tar-header.js';
import { buildTar, type TarEntry, TYPE_FLAG } from '../support/tar-builder.js';

/** The header of one entry, with some of its bytes changed and the checksum made right again. */
function headerOf(entry: TarEntry, change: (block: Buffer) => void = () => undefined): Buffer {
  const block = Buffer.from(buildTar([entry], { end: false }).subarray(0, 512));
  change(block);
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function sizeField(text: string): (block: Buffer) => void {
  return (block) => {
    block.fill(0, 124, 136);
    block.write(text, 124, 12, 'latin1');
  };
}

describe('decodeHeader', () => {
  it('reads name, type, link and size', () => {
    expect(decodeHeader(headerOf({ name: 'a/b', linkTo: 'c' }))).toEqual({
      flag: '2',
      kind: 'symlink',
      path: 'a/b',
      linkpath: 'c',
      size: 0,
      hasContent: false,
      sparseMapContinues: false,
    });
  });

  it('finds a block of zeros', () => {
    expect(decodeHeader(Buffer.alloc(512))).toBeUndefined();
  });

  it.each([
    ['file', 'file', true],
    ['oldFile', 'file', true],
    ['contiguous', 'file', true],
    ['hardlink', 'hardlink', false],
    ['symlink', 'symlink', false],
    ['directory', 'directory', false],
    ['characterDevice', 'other', false],
    ['blockDevice', 'other', false],
    ['fifo', 'other', false],
    ['gnuSparse', 'sparse', true],
  ] as const)('takes %s for %s, with content: %s', (type, kind, hasContent) => {
    const header = decodeHeader(headerOf({ name: 'x', type }));
    expect(header).toMatchObject({ flag: TYPE_FLAG[type], kind, hasContent });
  });

  it('takes a type nobody knows for something with content, as Go does', () => {
    const header = decodeHeader(headerOf({ name: 'x', content: 'abc' }, (block) => block.write('Z', 156)));
    expect(header).toMatchObject({ flag: 'Z', kind: 'other', hasContent: true, size: 3 });
  });

  it('joins the prefix of ustar with the name', () => {
    const name = `${'folder/'.repeat(20)}name`;
    expect(decodeHeader(headerOf({ name, longNamesAs: 'ustar' }))).toMatchObject({ path: name });
  });

  it.each([
    ['with a zero byte', '00000001234\0', 0o1234],
    ['with a blank', '00000001234 ', 0o1234],
    ['after blanks, as V7 tar wrote them', '       1234 ', 0o1234],
    ['of twelve digits', '000000001234', 0o1234],
    ['of eleven sevens', '77777777777\0', 8 ** 11 - 1],
  ])('reads an octal size %s', (_, text, size) => {
    expect(decodeHeader(headerOf({ name: 'x' }, sizeField(text)))).toMatchObject({ size });
  });

  it('reads a size of 9 GiB in base 256', () => {
    expect(decodeHeader(headerOf({ name: 'x', claimedSize: 9 * 2 ** 30 }))).toMatchObject({ size: 9 * 2 ** 30 });
  });

  it.each([
    ['nothing', ''],
    ['blanks', '            '],
    ['decimal digits', '00000000099\0'],
    ['a sign', '-0000000001\0'],
    ['a number among words', '0000012x\0'],
    ['digits behind a zero byte', '0000001\x00001\0'],
    ['hexadecimal', '0x0000000ff\0'],
  ])('has no size where the field holds %s', (_, text) => {
    expect(decodeHeader(headerOf({ name: 'x' }, sizeField(text)))?.size).toBeUndefined();
  });

  it('has no size where it is negative', () => {
    expect(decodeHeader(headerOf({ name: 'x', claimedSize: -512 }))?.size).toBeUndefined();
  });

  it('throws where a number is larger than any file', () => {
    expect(() => decodeHeader(headerOf({ name: 'x', claimedSize: 2 ** 60 }))).toThrow('safe integer');
  });

  it('throws where the checksum is wrong', () => {
    expect(() => decodeHeader(headerOf({ name: 'x' }).fill('y', 0, 1))).toThrow('its checksum is wrong');
  });

  it.each(['manifest.json\0\nmanifest.json', 'line\nbreak'])('throws where the name is %j', (name) => {
    const write = (block: Buffer): void => void block.write(name, 0, 'latin1');
    expect(() => decodeHeader(headerOf({ name: 'x' }, write))).toThrow('its name holds a line break');
    const link = (block: Buffer): void => void block.write(name, 157, 'latin1');
    expect(() => decodeHeader(headerOf({ name: 'x', linkTo: 'y' }, link))).toThrow('its name holds a line break');
  });

  it('tells that the map of a sparse file continues', () => {
    const header = headerOf({ name: 'x', type: 'gnuSparse' }, (block) => (block[482] = 1));
    expect(decodeHeader(header)?.sparseMapContinues).toBe(true);
    const file = headerOf({ name: 'x' }, (block) => (block[482] = 1));
    expect(decodeHeader(file)?.sparseMapContinues).toBe(false);
  });
});

describe('nameInDamaged', () => {
  it('finds the name in a header whose checksum is wrong', () => {
    expect(nameInDamaged(headerOf({ name: 'layer.tar', wrongChecksum: true }))).toBe('layer.tar');
  });

  it('finds none in what was never a header', () => {
    expect(nameInDamaged(Buffer.alloc(512, '<html>'))).toBeUndefined();
  });
});

describe('isTarStart', () => {
  it('knows a header, and the zeros that end an empty tar', () => {
    expect(isTarStart(buildTar([{ name: 'a', content: 'b' }]))).toBe(true);
    expect(isTarStart(Buffer.alloc(1024))).toBe(true);
    expect(isTarStart(Buffer.alloc(512, 'text'))).toBe(false);
    expect(isTarStart(buildTar([{ name: 'a' }]).subarray(0, 511))).toBe(false);
    expect(isTarStart(buildTar([{ name: 'a', wrongChecksum: true }]))).toBe(false);
  });

  it('knows one with a number that no field should hold', () => {
    expect(isTarStart(buildTar([{ name: 'a', claimedSize: 2 ** 80, sizeAs: 'base256' }]))).toBe(true);
  });

  it('says no or yes to anything, and never throws', () => {
    const anything = fc.uint8Array({ minLength: 512, maxLength: 512 });
    fc.assert(
      fc.property(anything, (block) => typeof isTarStart(Buffer.from(block)) === 'boolean'),
      { seed: 41, numRuns: 500 },
    );
  });
});
