import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { bytes, type Content, toBuffer } from './content.js';

/*
 * Writes tars by hand, byte for byte, because the specs need what no well-behaved writer produces. Formats: POSIX.1-2017
 * pax, "pax Interchange Format" and "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
 */

/** Type flags of the header. */
export const TYPE_FLAG = {
  file: '0',
  /** A file as tars before POSIX wrote it. */
  oldFile: '\0',
  hardlink: '1',
  symlink: '2',
  characterDevice: '3',
  blockDevice: '4',
  directory: '5',
  fifo: '6',
  /** A "contiguous" file: to be read like any file. */
  contiguous: '7',
  pax: 'x',
  globalPax: 'g',
  gnuLongName: 'L',
  gnuLongLink: 'K',
  gnuSparse: 'S',
} as const;

export type EntryType = keyof typeof TYPE_FLAG;

export interface TarEntry {
  name: string;
  /** Default: `directory` when the name ends in `/`, `symlink` with `linkTo`, else `file`. */
  type?: EntryType;
  content?: Content | Buffer | string;
  /** Target of a symlink or a hard link. */
  linkTo?: string;
  /** The size the header claims, when it is not that of the content: any number, negative ones too. */
  claimedSize?: number;
  /** How the size is written; `pax` puts it into a PAX record and 0 into the header. Default `octal`. */
  sizeAs?: 'octal' | 'base256' | 'pax';
  /** How a name or link of more than 100 bytes, or with other than ASCII characters, is written. Default `pax`. */
  longNamesAs?: 'pax' | 'gnu' | 'ustar';
  /** Further PAX records of this entry, for example `{ 'GNU.sparse.major': '1' }`. */
  pax?: Readonly<Record<string, string>>;
  /** Default 0o644, 0o755 for a directory. */
  mode?: number;
  /** Seconds since 1970. Default 0. */
  mtime?: number;
  /** Writes a wrong checksum into the header. */
  wrongChecksum?: boolean;
}

export interface TarOptions {
  /** Whether the two blocks of zeros that end a tar are written. Default true. */
  end?: boolean;
}

const BLOCK = 512;
const NAME_BYTES = 100;

/** The whole tar in memory. */
export function buildTar(entries: readonly TarEntry[], options: TarOptions = {}): Buffer {
  return toBuffer(tarContent(entries, options));
}

/** The tar written to `file` piece by piece; returns its size in bytes. */
export async function writeTar(file: string, entries: readonly TarEntry[], options: TarOptions = {}): Promise<number> {
  const tar = tarContent(entries, options);
  await pipeline(Readable.from(tar.chunks(), { objectMode: false }), createWriteStream(file));
  return tar.size;
}

/** The tar as content that can itself be an entry of a tar: this is what a layer is. */
export function tarContent(entries: readonly TarEntry[], { end = true }: TarOptions = {}): Content {
  const pieces = entries.flatMap((entry) => [bytes(headersOf(entry)), contentOf(entry), paddingOf(entry)]);
  if (end) pieces.push(bytes(Buffer.alloc(2 * BLOCK)));
  return joined(pieces);
}

/** A directory of files as one layer: `layerOf({ 'etc/motd': 'hello' })`. */
export function layerOf(files: Readonly<Record<string, Content | string>>): Content {
  return tarContent(Object.entries(files).map(([name, content]) => ({ name, content })));
}

/** A PAX extended header, or with type `globalPax` one for all entries after it. */
export function paxEntry(records: Readonly<Record<string, string>>, type: 'pax' | 'globalPax' = 'pax'): TarEntry {
  const content = Object.entries(records).map(([keyword, value]) => paxRecord(keyword, value));
  return { name: 'PaxHeaders/entry', type, content: Buffer.concat(content) };
}

function joined(pieces: readonly Content[]): Content {
  return {
    size: pieces.reduce((sum, piece) => sum + piece.size, 0),
    *chunks() {
      for (const piece of pieces) yield* piece.chunks();
    },
  };
}

function contentOf({ content = '' }: TarEntry): Content {
  return typeof content === 'string' || Buffer.isBuffer(content) ? bytes(content) : content;
}

function paddingOf(entry: TarEntry): Content {
  return bytes(Buffer.alloc(-contentOf(entry).size & (BLOCK - 1)));
}

/** Everything before the content: the records that extend the header, then the header. */
function headersOf(entry: TarEntry): Buffer {
  const size = entry.claimedSize ?? contentOf(entry).size;
  const gnu = entry.longNamesAs === 'gnu';
  const pax: Record<string, string> = { ...entry.pax };
  const before: TarEntry[] = [];
  if (entry.sizeAs === 'pax') pax.size = String(size);
  if (needsLongForm(entry, entry.name) && gnu) before.push(gnuLong('gnuLongName', entry.name));
  else if (needsLongForm(entry, entry.name)) pax.path = entry.name;
  if (needsLongForm(entry, entry.linkTo) && gnu) before.push(gnuLong('gnuLongLink', entry.linkTo));
  else if (needsLongForm(entry, entry.linkTo)) pax.linkpath = entry.linkTo;
  if (Object.keys(pax).length > 0) before.push(paxEntry(pax));
  return Buffer.concat([...before.map((extra) => buildTar([extra], { end: false })), header(entry, size)]);
}

function needsLongForm(entry: TarEntry, name: string | undefined): name is string {
  if (name === undefined || entry.longNamesAs === 'ustar') return false;
  // eslint-disable-next-line no-control-regex
  return Buffer.byteLength(name) > NAME_BYTES || /[^\u0000-\u007f]/.test(name);
}

function gnuLong(type: 'gnuLongName' | 'gnuLongLink', name: string): TarEntry {
  return { name: '././@LongLink', type, content: `${name}\0` };
}

/** `<length> <keyword>=<value>\n`, where the length counts its own digits. */
function paxRecord(keyword: string, value: string): Buffer {
  const rest = Buffer.from(` ${keyword}=${value}\n`);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function header(entry: TarEntry, size: number): Buffer {
  const type = entry.type ?? defaultType(entry);
  const block = Buffer.alloc(BLOCK);
  const { prefix, name } = entry.longNamesAs === 'ustar' ? splitName(entry.name) : { prefix: '', name: entry.name };
  block.write(name, 0, NAME_BYTES);
  writeOctal(block, 100, 8, entry.mode ?? (type === 'directory' ? 0o755 : 0o644));
  writeOctal(block, 108, 8, 0);
  writeOctal(block, 116, 8, 0);
  writeSize(block, entry.sizeAs === 'pax' ? 0 : size, entry.sizeAs);
  writeOctal(block, 136, 12, entry.mtime ?? 0);
  block.write(TYPE_FLAG[type], 156, 1, 'latin1');
  block.write(entry.linkTo ?? '', 157, NAME_BYTES);
  block.write(type === 'gnuSparse' || entry.longNamesAs === 'gnu' ? 'ustar  \0' : 'ustar\u000000', 257, 'latin1');
  block.write(prefix, 345, 155);
  writeChecksum(block, entry.wrongChecksum ?? false);
  return block;
}

function defaultType(entry: TarEntry): EntryType {
  if (entry.name.endsWith('/')) return 'directory';
  return entry.linkTo === undefined ? 'file' : 'symlink';
}

/** Puts the folders of a long name into the 155 bytes ustar has for them. */
function splitName(name: string): { prefix: string; name: string } {
  if (Buffer.byteLength(name) <= NAME_BYTES) return { prefix: '', name };
  const slash = name.indexOf('/', name.length - NAME_BYTES - 1);
  return { prefix: name.slice(0, slash), name: name.slice(slash + 1) };
}

function writeOctal(block: Buffer, at: number, width: number, value: number): void {
  block.write(value.toString(8).padStart(width - 1, '0'), at, 'latin1');
}

/** Numbers that octal digits cannot hold, negative ones among them, take GNU's base-256 form unless told otherwise. */
function writeSize(block: Buffer, size: number, form: TarEntry['sizeAs']): void {
  const digits = 11;
  if (form !== 'base256' && size >= 0 && size < 8 ** digits) return writeOctal(block, 124, digits + 1, size);
  const value = BigInt.asUintN(96, BigInt(size));
  for (let i = 0; i < digits + 1; i += 1) block[124 + i] = Number((value >> BigInt(8 * (digits - i))) & 0xffn);
  block[124] = (block[124] ?? 0) | 0x80;
}

function writeChecksum(block: Buffer, wrong: boolean): void {
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${(wrong ? sum + 1 : sum).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}
