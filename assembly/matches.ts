import { DISTANCE_COUNTS, HASH_BITS, HASHES, LITERAL_COUNTS, MATCH_SYMBOLS, MATCHES, MOST_MATCHES } from './memory';
import { FIRST_LENGTH, LONGEST, symbolOfDistance } from './symbols';

const WINDOW: usize = 32768;
/** Bytes at the end among which no match begins, because a hash reads eight. */
const TAIL: usize = 12;
/** Bytes that deflate has its own codes for: more of them, and they fit less well; fewer, and the header costs more. */
const MOST_BYTES: usize = 0x40000;
/** Each 2^5 bytes without a match, one byte more is skipped: what cannot be compressed costs little. */
const PATIENCE: usize = 5;

/** Behind the last match that was found. */
export let lastMatch: usize = 0;

/**
 * Finds matches from `begin` on, the first that is good enough at each place, and counts symbols.
 * @param begin - where the codes of a block begin; matches reach back to `input`, and not beyond `end`
 * @returns where the codes of this block end
 */
export function findMatches(input: usize, begin: usize, end: usize): usize {
  if (end - begin > MOST_BYTES) end = begin + MOST_BYTES;
  const full = MATCHES + (MOST_MATCHES << 3);
  const last = end - TAIL;
  let match = MATCHES;
  let at = begin;
  let literals = begin;
  while (match < full) {
    let candidate: usize = 0;
    let step: usize = 1 << PATIENCE;
    for (; at < last; at += step++ >> PATIENCE) {
      const slot = hash(at);
      candidate = load<u32>(slot);
      store<u32>(slot, <u32>at);
      if (load<u32>(candidate) === load<u32>(at) && at - candidate - 1 < WINDOW) break;
    }
    if (at >= last) break;
    while (at > literals && candidate > input && load<u8>(at - 1) === load<u8>(candidate - 1)) {
      at--;
      candidate--;
    }
    const length = lengthOf(at, candidate, min<usize>(LONGEST, end - at));
    countLiterals(literals, at);
    countMatch(length, at - candidate);
    store<u64>(match, (<u64>(at - literals)) | ((<u64>length) << 32) | ((<u64>(at - candidate)) << 48));
    match += 8;
    literals = at + length;
    if (literals < last) remember(at + 1, literals);
    at = literals;
  }
  if (match < full) {
    countLiterals(literals, end);
    store<u64>(match, <u64>(end - literals));
    match += 8;
    literals = end;
  }
  lastMatch = match;
  return literals;
}

/**
 * Of six bytes, though four make a match: fewer and longer matches take a sixth less time, and 1 % more bytes. The table starts
 * with zeros, and everything is further than the window from there.
 */
function hash(at: usize): usize {
  return HASHES + <usize>((((load<u64>(at) << 16) * 0x9e3779b185ebca87) >> (64 - HASH_BITS)) << 2);
}

/** A few places of a match are worth finding again; more of them cost more than they bring. */
function remember(first: usize, end: usize): void {
  store<u32>(hash(first), <u32>first);
  store<u32>(hash(end - 2), <u32>(end - 2));
  store<u32>(hash(end - 1), <u32>(end - 1));
}

/** The first four bytes are equal. */
function lengthOf(at: usize, candidate: usize, most: usize): usize {
  for (let length: usize = 4; length < most; length += 8) {
    const difference = load<u64>(at + length) ^ load<u64>(candidate + length);
    if (difference !== 0) return min(most, length + <usize>(ctz(difference) >> 3));
  }
  return most;
}

function countLiterals(from: usize, to: usize): void {
  for (; from < to; from++) increment(LITERAL_COUNTS + ((<usize>load<u8>(from)) << 2));
}

function countMatch(length: usize, distance: usize): void {
  increment(LITERAL_COUNTS + ((FIRST_LENGTH + load<u8>(MATCH_SYMBOLS + length)) << 2));
  increment(DISTANCE_COUNTS + (symbolOfDistance(<u32>distance - 1) << 2));
}

function increment(address: usize): void {
  store<u32>(address, load<u32>(address) + 1);
}
