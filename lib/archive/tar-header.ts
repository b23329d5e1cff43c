import { Header } from 'tar/header';
import type { TarEntryKind } from './tar-entry.js';

export const BLOCK = 512;

/** Where the fields this file reads itself lie. Source: POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar, "Basic Tar Format". */
const NAME_LENGTH = 100;
const SIZE = { from: 124, to: 136 };
const CHECKSUM = { from: 148, to: 156 };
const TYPE_FLAG = 156;
const MAGIC = { from: 257, to: 262 };
const SPARSE_CONTINUES = 482;

const KINDS: Readonly<Record<string, TarEntryKind>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '5': 'directory',
  S: 'sparse',
};

/** These carry no content whatever their size field says; Go's archive/tar reads them the same way. */
const WITHOUT_CONTENT = '123456';

/** One header as it stands, before extension headers change what it says. */
export interface TarHeader {
  /** One character, for example `0` for a file. */
  flag: string;
  kind: TarEntryKind;
  path: string;
  linkpath: string;
  /** Bytes; undefined when the field holds no number of bytes. */
  size: number | undefined;
  hasContent: boolean;
  /** Of an old GNU sparse file: blocks with the rest of its map follow. */
  sparseMapContinues: boolean;
}

/**
 * Decodes a header with the class of the `tar` package; only the size is read more strictly, because another size makes
 * another archive of the rest.
 * @returns undefined for a block of zeros
 * @throws Error when it is no header, or a damaged one
 */
export function decodeHeader(block: Buffer): TarHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  const header = new Header(block);
  if (!header.cksumValid) throw new Error('its checksum is wrong');
  const { path = '', linkpath = '' } = header;
  // `Header` joins what stands before a zero byte with what stands behind a line break, where others end the name.
  if (`${path}${linkpath}`.includes('\n')) throw new Error('its name holds a line break');
  const flag = block.toString('latin1', TYPE_FLAG, TYPE_FLAG + 1);
  return {
    flag,
    kind: KINDS[flag] ?? 'other',
    path,
    linkpath,
    size: parseSize(block.subarray(SIZE.from, SIZE.to)),
    hasContent: !WITHOUT_CONTENT.includes(flag),
    sparseMapContinues: flag === 'S' && block[SPARSE_CONTINUES] !== 0,
  };
}

/** Whether some content begins as a tar does: with a header, or with the zeros that end an empty one. */
export function isTarStart(start: Buffer): boolean {
  if (start.length < BLOCK) return false;
  const block = start.subarray(0, BLOCK);
  return block.every((byte) => byte === 0) || hasChecksum(block);
}

/** Asked of content that may be anything, where `Header` throws for numbers it cannot hold. */
function hasChecksum(block: Buffer): boolean {
  const { from, to } = CHECKSUM;
  const sum = block.reduce((total, byte, i) => total + (i >= from && i < to ? 0x20 : byte), 0);
  return sum === octal(block.toString('latin1', from, to));
}

/** The name in a block that was meant as a header but cannot be decoded; undefined when it was not even that. */
export function nameInDamaged(block: Buffer): string | undefined {
  if (block.toString('latin1', MAGIC.from, MAGIC.to) !== 'ustar') return undefined;
  return block.toString('latin1', 0, NAME_LENGTH).split('\0', 1)[0];
}

/** Octal digits among blanks, or GNU's base-256 form, of which only non-negative numbers are sizes. */
function parseSize(field: Buffer): number | undefined {
  const number = field[0] === 0x80 ? Number(`0x${field.toString('hex', 1)}`) : octal(field.toString('latin1'));
  return Number.isSafeInteger(number) ? number : undefined;
}

function octal(text: string): number {
  const [, digits] = /^[ \0]*([0-7]+)[ \0]*$/.exec(text) ?? [];
  return digits === undefined ? NaN : Number.parseInt(digits, 8);
}
