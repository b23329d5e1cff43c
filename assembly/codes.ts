import { count, flush, goOn, out, pending, putCode, putStored } from './bit-writer';
import { makeHeader, putHeader } from './header';
import { makeCodes } from './huffman';
import { lastMatch } from './matches';
import {
  BITS,
  DISTANCE_CODES,
  DISTANCE_COUNTS,
  LITERAL_CODES,
  LITERAL_COUNTS,
  MATCH_BASES,
  MATCH_CODES,
  MATCH_SYMBOLS,
  MATCHES,
} from './memory';
import {
  DISTANCES,
  END_OF_BLOCK,
  extraOfDistance,
  extraOfLength,
  FIRST_LENGTH,
  LITERALS,
  LONGEST,
  SHORTEST,
  symbolOfDistance,
} from './symbols';

/** With four literals of as many bits and seven bits that wait, there are less than 64. */
const LITERAL_BITS: u32 = 14;
const DISTANCE_BITS: u32 = 15;
/** What a stored block holds at most (RFC 1951 §3.2.4). */
const MOST_STORED: usize = 0xffff;

/** Writes from `begin` to `end` in codes made for what was counted there, or as it is where that is no longer. */
export function putBlock(begin: usize, end: usize): void {
  makeCodes(LITERAL_COUNTS, LITERALS, LITERAL_BITS, LITERAL_CODES, BITS);
  const literals = used(BITS, LITERALS, FIRST_LENGTH);
  makeCodes(DISTANCE_COUNTS, DISTANCES, DISTANCE_BITS, DISTANCE_CODES, BITS + literals);
  const distances = used(BITS + literals, DISTANCES, 1);
  const bits = makeHeader(literals, distances) + bitsOfCodes();
  if (bits >= bitsStored(end - begin)) return putAsIs(begin, end);
  putHeader(literals, distances);
  joinMatchCodes();
  putMatches(begin);
  putCode(load<u32>(LITERAL_CODES + (END_OF_BLOCK << 2)));
  flush();
}

/** Symbols up to the last one that occurs. */
function used(bits: usize, number: u32, least: u32): u32 {
  while (number > least && load<u8>(bits + number - 1) === 0) number--;
  return number;
}

function bitsOfCodes(): u64 {
  let bits: u64 = 0;
  for (let symbol: u32 = 0; symbol < LITERALS; symbol++) {
    const extra = symbol < FIRST_LENGTH ? 0 : extraOfLength(symbol - FIRST_LENGTH);
    bits += bitsOf(symbol << 2, LITERAL_COUNTS, LITERAL_CODES, extra);
  }
  for (let symbol: u32 = 0; symbol < DISTANCES; symbol++) {
    bits += bitsOf(symbol << 2, DISTANCE_COUNTS, DISTANCE_CODES, extraOfDistance(symbol));
  }
  return bits;
}

function bitsOf(offset: usize, counts: usize, codes: usize, extra: u32): u64 {
  return <u64>load<u32>(counts + offset) * ((load<u32>(codes + offset) >> 24) + extra);
}

function bitsStored(size: usize): u64 {
  return (size + 5 * ((size + MOST_STORED - 1) / MOST_STORED)) << 3;
}

function putAsIs(begin: usize, end: usize): void {
  for (; begin < end; begin += MOST_STORED) putStored(begin, min(MOST_STORED, end - begin));
}

/** The code of a length and its extra bits are looked up at once. */
function joinMatchCodes(): void {
  for (let length = SHORTEST; length <= LONGEST; length++) {
    const symbol = <u32>load<u8>(MATCH_SYMBOLS + length);
    const code = load<u32>(LITERAL_CODES + ((FIRST_LENGTH + symbol) << 2));
    const extra = (length - load<u16>(MATCH_BASES + (symbol << 1))) << (code >> 24);
    store<u32>(MATCH_CODES + (length << 2), (code | extra) + (extraOfLength(symbol) << 24));
  }
}

/** The one loop that sees every literal: what the bit writer does is written out here, in variables of its own. */
function putMatches(at: usize): void {
  let to = out;
  let bits = pending;
  let number = count;
  for (let match = MATCHES; match < lastMatch; match += 8) {
    const found = load<u64>(match);
    const literals = at + <usize>(found & 0xffffffff);
    for (; at < literals; at += 4) {
      // Codes of no bits behind the last one: to branch there would be mispredicted every time.
      const first = literalCode(at);
      const second = select<u32>(literalCode(at + 1), 0, at + 1 < literals);
      const third = select<u32>(literalCode(at + 2), 0, at + 2 < literals);
      const fourth = select<u32>(literalCode(at + 3), 0, at + 3 < literals);
      bits |= (<u64>(first & 0xffffff)) << number;
      number += first >> 24;
      bits |= (<u64>(second & 0xffffff)) << number;
      number += second >> 24;
      bits |= (<u64>(third & 0xffffff)) << number;
      number += third >> 24;
      bits |= (<u64>(fourth & 0xffffff)) << number;
      number += fourth >> 24;
      store<u64>(to, bits);
      to += <usize>(number >> 3);
      bits >>= number & 0x38;
      number &= 7;
    }
    at = literals;
    const length = (<usize>(found >> 32)) & 0xffff;
    if (length === 0) break;
    at += length;
    const code = load<u32>(MATCH_CODES + (length << 2));
    bits |= (<u64>(code & 0xffffff)) << number;
    number += code >> 24;
    const distance = <u32>(found >> 48) - 1;
    const symbol = symbolOfDistance(distance);
    const distanceCode = load<u32>(DISTANCE_CODES + (symbol << 2));
    bits |= (<u64>(distanceCode & 0xffffff)) << number;
    number += distanceCode >> 24;
    const extra = extraOfDistance(symbol);
    bits |= (<u64>(distance & ((1 << extra) - 1))) << number;
    number += extra;
    store<u64>(to, bits);
    to += <usize>(number >> 3);
    bits >>= number & 0x38;
    number &= 7;
  }
  goOn(to, bits, number);
}

function literalCode(at: usize): u32 {
  return load<u32>(LITERAL_CODES + ((<usize>load<u8>(at)) << 2));
}
