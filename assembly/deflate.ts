// Deflate (RFC 1951) as fast as it goes in WebAssembly, and about as small as zlib's level 1. Made for whole blocks of a layer:
// each is independent of those before it, and ends on a byte boundary, so results can be joined in any order.

import { out, putStored, writeTo } from './bit-writer';
import { putBlock } from './codes';
import { findMatches } from './matches';
import { HASH_BITS, HASHES, INPUT_STEP, INPUTS, LITERAL_CODES, LITERAL_COUNTS, OUTPUT_STEP, OUTPUTS } from './memory';
import { END_OF_BLOCK, fillTables } from './symbols';

/** Where the block of a slot is to be put, 0 or 1; at most 1 MiB. */
export function input(slot: u32): usize {
  return INPUTS + <usize>slot * INPUT_STEP;
}

/** Where the result of a slot is found. */
export function output(slot: u32): usize {
  return OUTPUTS + <usize>slot * OUTPUT_STEP;
}

/** @returns bytes of the result */
export function deflate(slot: u32, size: usize): usize {
  const from = input(slot);
  const end = from + size;
  fillTables();
  memory.fill(HASHES, 0, 4 << HASH_BITS);
  writeTo(output(slot));
  for (let at = from; at < end;) {
    memory.fill(LITERAL_COUNTS, 0, LITERAL_CODES - LITERAL_COUNTS);
    store<u32>(LITERAL_COUNTS + (END_OF_BLOCK << 2), 1);
    const next = findMatches(from, at, end);
    putBlock(at, next);
    at = next;
  }
  putStored(end, 0);
  return out - output(slot);
}
