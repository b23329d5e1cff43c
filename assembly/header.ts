import { flush, put, putCode } from './bit-writer';
import { makeCodes } from './huffman';
import { BITS, CODE_LENGTH_CODES, CODE_LENGTH_COUNTS, HEADER } from './memory';
import { FIRST_LENGTH } from './symbols';

// RFC 1951 §3.2.7: what the codes of a block are, itself in codes.

const CODE_LENGTHS: u32 = 19;
const ORDER = memory.data<u8>([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]);
/** Symbols that repeat: the length before, and zeros. */
const AGAIN: u32 = 16;
const ZEROS: u32 = 17;
const MANY_ZEROS: u32 = 18;

let end: usize = 0;
let codeLengths: u32 = 0;

/**
 * @param literals - symbols of literals and lengths, whose bits stand at `BITS`
 * @param distances - symbols of distances, whose bits follow
 * @returns bits of the header
 */
export function makeHeader(literals: u32, distances: u32): u64 {
  memory.fill(CODE_LENGTH_COUNTS, 0, CODE_LENGTHS << 2);
  end = HEADER;
  const number = literals + distances;
  for (let i: u32 = 0; i < number;) i = addRun(i, number);
  // The bits of the others are in the items by now.
  makeCodes(CODE_LENGTH_COUNTS, CODE_LENGTHS, 7, CODE_LENGTH_CODES, BITS);
  codeLengths = CODE_LENGTHS;
  while (codeLengths > 4 && bitsOf(inOrder(codeLengths - 1)) === 0) codeLengths--;
  return size();
}

export function putHeader(literals: u32, distances: u32): void {
  // Not the last block, of codes of its own.
  put(4, 3);
  put(literals - FIRST_LENGTH, 5);
  put(distances - 1, 5);
  put(codeLengths - 4, 4);
  for (let i: u32 = 0; i < codeLengths; i++) {
    flush();
    put(bitsOf(inOrder(i)), 3);
  }
  for (let item = HEADER; item < end; item += 2) {
    flush();
    const symbol = load<u8>(item);
    putCode(load<u32>(CODE_LENGTH_CODES + ((<usize>symbol) << 2)));
    put(load<u8>(item, 1), extraOf(symbol));
  }
  flush();
}

/** @returns the first symbol behind those that have as many bits as symbol `first` */
function addRun(first: u32, number: u32): u32 {
  const bits = load<u8>(BITS + first);
  let next = first + 1;
  while (next < number && load<u8>(BITS + next) === bits) next++;
  if (bits === 0) addZeros(next - first);
  else addEqual(bits, next - first);
  return next;
}

function addZeros(run: u32): void {
  for (; run >= 11; run -= min<u32>(run, 138)) add(MANY_ZEROS, min<u32>(run, 138) - 11);
  if (run >= 3) add(ZEROS, run - 3);
  else for (; run > 0; run--) add(0, 0);
}

function addEqual(bits: u32, run: u32): void {
  add(bits, 0);
  for (run--; run >= 3; run -= min<u32>(run, 6)) add(AGAIN, min<u32>(run, 6) - 3);
  for (; run > 0; run--) add(bits, 0);
}

function add(symbol: u32, extra: u32): void {
  store<u8>(end, <u8>symbol);
  store<u8>(end, <u8>extra, 1);
  end += 2;
  const count = CODE_LENGTH_COUNTS + (symbol << 2);
  store<u32>(count, load<u32>(count) + 1);
}

function size(): u64 {
  let bits: u64 = 3 + 5 + 5 + 4 + 3 * codeLengths;
  for (let item = HEADER; item < end; item += 2) bits += bitsOf(load<u8>(item)) + extraOf(load<u8>(item));
  return bits;
}

function extraOf(symbol: u32): u32 {
  if (symbol < AGAIN) return 0;
  return symbol === AGAIN ? 2 : symbol === ZEROS ? 3 : 7;
}

function bitsOf(symbol: u32): u32 {
  return load<u32>(CODE_LENGTH_CODES + (symbol << 2)) >> 24;
}

function inOrder(i: u32): u32 {
  return load<u8>(ORDER + i);
}
