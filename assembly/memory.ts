// Where everything is in the memory of the module. There is no allocator: one block is deflated at a time, and the tables for
// it are always the same ones. Addresses are bytes.

/** u32 for each symbol of literals and lengths, then of distances: how often it occurs. */
export const LITERAL_COUNTS: usize = 0x0000;
export const DISTANCE_COUNTS: usize = 0x0480;
/** u32 for each symbol: its code, as `code | bits << 24`. */
export const LITERAL_CODES: usize = 0x0600;
export const DISTANCE_CODES: usize = 0x0b00;
/** The same for the symbols that describe those codes (RFC 1951 §3.2.7). */
export const CODE_LENGTH_COUNTS: usize = 0x0b80;
export const CODE_LENGTH_CODES: usize = 0x0c00;
/** u32 for each length of a match: its code and extra bits in one, as `code | bits << 24`. */
export const MATCH_CODES: usize = 0x0c80;
/** u8 for each length of a match: its symbol, without the 257 literals before it. */
export const MATCH_SYMBOLS: usize = 0x1100;
/** u16 for each of those symbols: the shortest length it stands for. */
export const MATCH_BASES: usize = 0x1280;
/** u8 for each symbol: bits of its code. Those of distances follow when a header is made. */
export const BITS: usize = 0x1300;
/** u16 for each item of a header: `symbol | extra << 8`. */
export const HEADER: usize = 0x1480;
/** u32 for each symbol that occurs, the rarest first: `symbol | count << 9`. */
export const SORTED: usize = 0x1700;
/** u32 for each node of a tree. */
export const NODES: usize = 0x1b80;
/** u32 for each number of bits: how many codes have it; then the next such code. */
export const CODES_OF: usize = 0x2000;
/** What `memory.data` puts into the module. */
export const DATA: usize = 0x2100;

/** u32 for each hash: where such bytes were seen last. */
export const HASHES: usize = 0x4000;
export const HASH_BITS: u32 = 14;

/** u64 for each match of a block: `literals before it | length << 32 | distance << 48`. */
export const MATCHES: usize = 0x14000;
export const MOST_MATCHES: usize = 0x4000;

/** Slots, so that one block can be filled in while another is deflated. Reads go up to 16 bytes over the end of one. */
export const MOST_INPUT: usize = 0x100000;
export const INPUTS: usize = 0x35000;
export const INPUT_STEP: usize = MOST_INPUT + 0x1000;
export const OUTPUTS: usize = INPUTS + 2 * INPUT_STEP;
/** What is stored, because it cannot be compressed, is a few bytes longer. */
export const OUTPUT_STEP: usize = MOST_INPUT + 0x1000;
