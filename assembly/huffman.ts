import { CODES_OF, NODES, SORTED } from './memory';

const SYMBOL: u32 = 0x1ff;
const MOST_BITS: u32 = 15;

/**
 * Canonical Huffman codes (RFC 1951 §3.2.2) for `number` symbols that occur as often as `counts` says.
 * @param limit - bits of the longest code
 * @param codes - receives `code | bits << 24` for each symbol, 0 where it does not occur
 * @param bits - receives the bits of each symbol's code
 */
export function makeCodes(counts: usize, number: u32, limit: u32, codes: usize, bits: usize): void {
  memory.fill(bits, 0, number);
  memory.fill(codes, 0, number << 2);
  const used = collect(counts, number);
  if (used < 2) {
    twoCodes(bits, used === 0 ? 0 : load<u32>(SORTED) & SYMBOL);
  } else {
    sort(used);
    measure(used, limit);
    giveOut(used, limit, bits);
  }
  assign(number, codes, bits);
}

function collect(counts: usize, number: u32): u32 {
  let used: u32 = 0;
  for (let symbol: u32 = 0; symbol < number; symbol++) {
    const count = load<u32>(counts + (symbol << 2));
    if (count > 0) store<u32>(SORTED + (used++ << 2), symbol | (count << 9));
  }
  return used;
}

/** A complete code has two symbols at least: some readers refuse any other. */
function twoCodes(bits: usize, symbol: u32): void {
  store<u8>(bits + symbol, 1);
  store<u8>(bits + (symbol === 0 ? 1 : 0), 1);
}

/** Shell's sort, with Ciura's gaps. */
function sort(used: u32): void {
  sortBy(132, used);
  sortBy(57, used);
  sortBy(23, used);
  sortBy(10, used);
  sortBy(4, used);
  sortBy(1, used);
}

function sortBy(gap: u32, used: u32): void {
  for (let i = gap; i < used; i++) {
    const item = load<u32>(SORTED + (i << 2));
    let place = i;
    for (; place >= gap; place -= gap) {
      const other = load<u32>(SORTED + ((place - gap) << 2));
      if (other <= item) break;
      store<u32>(SORTED + (place << 2), other);
    }
    store<u32>(SORTED + (place << 2), item);
  }
}

/** How many codes of each length there are: Moffat and Katajainen, "In-Place Calculation of Minimum-Redundancy Codes" (1995). */
function measure(used: u32, limit: u32): void {
  for (let i: u32 = 0; i < used; i++) setNode(i, load<u32>(SORTED + (i << 2)) >> 9);
  link(used);
  setNode(used - 2, 0);
  for (let i = <i32>used - 3; i >= 0; i--) setNode(i, node(node(i)) + 1);
  countLeaves(<i32>used - 2, limit);
  shorten(limit);
}

/** Joins the two rarest nodes until one is left; a node that was joined names its parent. */
function link(used: u32): void {
  let inner: u32 = 0;
  let leaf: u32 = 0;
  for (let parent: u32 = 0; parent < used - 1; parent++) {
    let sum: u32 = 0;
    for (let child = 0; child < 2; child++) {
      if (leaf >= used || (inner < parent && node(inner) < node(leaf))) {
        sum += node(inner);
        setNode(inner++, parent);
      } else {
        sum += node(leaf++);
      }
    }
    setNode(parent, sum);
  }
}

/** Nodes say how deep they are now; what is at a depth and not a node is a leaf. */
function countLeaves(root: i32, limit: u32): void {
  memory.fill(CODES_OF, 0, 64);
  let open: u32 = 1;
  for (let depth: u32 = 0; open > 0; depth++) {
    let inner: u32 = 0;
    for (; root >= 0 && node(root) === depth; root--) inner++;
    addTo(min(depth, limit), open - inner);
    open = 2 * inner;
  }
}

/** Where codes were cut to the limit, shorter ones are made longer until all fit (Kraft's inequality). */
function shorten(limit: u32): void {
  let taken: u32 = 0;
  for (let bits: u32 = 1; bits <= limit; bits++) taken += codesOf(bits) << (limit - bits);
  for (; taken > 1 << limit; taken--) {
    let bits = limit - 1;
    while (codesOf(bits) === 0) bits--;
    addTo(bits, -1);
    addTo(bits + 1, 2);
    addTo(limit, -1);
  }
}

/** The shortest codes to the symbols that occur most. */
function giveOut(used: u32, limit: u32, bits: usize): void {
  for (let length: u32 = 1; length <= limit; length++) {
    for (let left = codesOf(length); left > 0; left--) {
      store<u8>(bits + (load<u32>(SORTED + (--used << 2)) & SYMBOL), <u8>length);
    }
  }
}

function assign(number: u32, codes: usize, bits: usize): void {
  memory.fill(CODES_OF, 0, 64);
  for (let symbol: u32 = 0; symbol < number; symbol++) addTo(load<u8>(bits + symbol), 1);
  firstCodes();
  for (let symbol: u32 = 0; symbol < number; symbol++) {
    const length = <u32>load<u8>(bits + symbol);
    if (length === 0) continue;
    store<u32>(codes + (symbol << 2), reversed(codesOf(length), length) | (length << 24));
    addTo(length, 1);
  }
}

/** RFC 1951 §3.2.2, step 2. */
function firstCodes(): void {
  let code: u32 = 0;
  for (let bits: u32 = 1; bits <= MOST_BITS; bits++) {
    const number = codesOf(bits);
    store<u32>(CODES_OF + (bits << 2), code);
    code = (code + number) << 1;
  }
}

/** Huffman codes begin with their highest bit (RFC 1951 §3.1.1). */
function reversed(code: u32, bits: u32): u32 {
  code = ((code & 0x5555) << 1) | ((code >> 1) & 0x5555);
  code = ((code & 0x3333) << 2) | ((code >> 2) & 0x3333);
  code = ((code & 0x0f0f) << 4) | ((code >> 4) & 0x0f0f);
  code = ((code & 0x00ff) << 8) | ((code >> 8) & 0x00ff);
  return code >> (16 - bits);
}

function node(i: u32): u32 {
  return load<u32>(NODES + (i << 2));
}

function setNode(i: u32, value: u32): void {
  store<u32>(NODES + (i << 2), value);
}

function codesOf(bits: u32): u32 {
  return load<u32>(CODES_OF + (bits << 2));
}

function addTo(bits: u32, number: u32): void {
  store<u32>(CODES_OF + (bits << 2), codesOf(bits) + number);
}
