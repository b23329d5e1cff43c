import { MATCH_BASES, MATCH_SYMBOLS } from './memory';

// RFC 1951 §3.2.5: lengths are literal symbols from 257 on, and both they and distances have a symbol and extra bits.

export const END_OF_BLOCK: u32 = 256;
export const FIRST_LENGTH: u32 = 257;
export const LITERALS: u32 = 286;
export const DISTANCES: u32 = 30;
export const SHORTEST: u32 = 3;
export const LONGEST: u32 = 258;
/** The symbol of the longest match alone, without {@link FIRST_LENGTH}. */
const LAST: u32 = 28;

export function fillTables(): void {
  let length = SHORTEST;
  for (let symbol: u32 = 0; symbol < LAST; symbol++) {
    store<u16>(MATCH_BASES + (symbol << 1), <u16>length);
    for (let i = 1 << extraOfLength(symbol); i > 0; i--) store<u8>(MATCH_SYMBOLS + length++, <u8>symbol);
  }
  store<u16>(MATCH_BASES + (LAST << 1), <u16>LONGEST);
  store<u8>(MATCH_SYMBOLS + LONGEST, <u8>LAST);
}

/** @param symbol - without {@link FIRST_LENGTH} */
export function extraOfLength(symbol: u32): u32 {
  return symbol < 8 || symbol === LAST ? 0 : (symbol >> 2) - 1;
}

export function extraOfDistance(symbol: u32): u32 {
  return symbol < 4 ? 0 : (symbol >> 1) - 1;
}

/** @param distance - less one */
export function symbolOfDistance(distance: u32): u32 {
  if (distance < 4) return distance;
  const top = 31 - clz(distance);
  return (top << 1) + ((distance >> (top - 1)) & 1);
}
