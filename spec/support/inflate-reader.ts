/** A match of what comes, with what was there. */
export interface Match {
  length: number;
  distance: number;
}

/** What stands in one deflate block (RFC 1951 §3.2.3), for specs that look at more than what it unpacks to. */
export interface DeflateBlock {
  kind: 'stored' | 'fixed' | 'dynamic';
  /** Bytes that stand for themselves. */
  literals: number;
  matches: Match[];
  /** Of a dynamic block: bits of each symbol's code, as they are sent. */
  bits: { literals: number[]; distances: number[]; codeLengths: number[] };
  /** Of a dynamic block: how often each of the 19 symbols occurs in its header. */
  codeLengthCounts: number[];
}

const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/** RFC 1951 §3.2.5, written down here another way than in the encoder: from the table there. */
const LENGTH_BASES = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASES = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12289, 16385, 24577,
];
const DISTANCE_EXTRA = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];

/** The shortest distance of each symbol. */
export const DISTANCES: readonly number[] = DISTANCE_BASES;

/** Reads the blocks of a deflate stream up to the last one, or to its end. */
export function readDeflate(bytes: Uint8Array): DeflateBlock[] {
  const reader = new InflateReader(bytes);
  const blocks: DeflateBlock[] = [];
  while (!reader.isDone) blocks.push(reader.block());
  return blocks;
}

/** Canonical codes, decoded bit by bit: slow, and easy to see through. */
class Codes {
  private readonly counts = Array<number>(16).fill(0);
  private readonly symbols: number[];

  constructor(bits: readonly number[]) {
    for (const length of bits) if (length > 0) this.counts[length]! += 1;
    const used = bits.map((length, symbol) => ({ length, symbol })).filter(({ length }) => length > 0);
    this.symbols = used.sort((a, b) => a.length - b.length || a.symbol - b.symbol).map(({ symbol }) => symbol);
    const taken = this.counts.reduce((sum, count, length) => sum + (length > 0 ? count / 2 ** length : 0), 0);
    if (taken !== 1) throw new Error(`a code takes ${taken} of its space`);
  }

  decode(bit: () => number): number {
    let [code, first, index] = [0, 0, 0];
    for (let length = 1; length < 16; length += 1) {
      code |= bit();
      const count = this.counts[length]!;
      if (code - first < count) return this.symbols[index + code - first]!;
      [index, first, code] = [index + count, (first + count) << 1, code << 1];
    }
    throw new Error('no such code');
  }
}

class InflateReader {
  private at = 0;
  private wasLast = false;

  constructor(private readonly bytes: Uint8Array) {}

  get isDone(): boolean {
    return this.wasLast || this.at >= 8 * this.bytes.length;
  }

  block(): DeflateBlock {
    this.wasLast = this.bit() === 1;
    const type = this.take(2);
    const bits = { literals: [], distances: [], codeLengths: [] };
    const block: DeflateBlock = { kind: 'fixed', literals: 0, matches: [], bits, codeLengthCounts: [] };
    if (type === 0) this.stored(block);
    else if (type === 2) this.dynamic(block);
    else this.fixed(block);
    return block;
  }

  private stored(block: DeflateBlock): void {
    this.at = 8 * Math.ceil(this.at / 8);
    const [length, inverse] = [this.take(16), this.take(16)];
    if (length !== (inverse ^ 0xffff)) throw new Error('the length of a stored block is wrong');
    this.at += 8 * length;
    Object.assign(block, { kind: 'stored', literals: length });
  }

  private fixed(block: DeflateBlock): void {
    const literals = Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8));
    this.symbols(block, new Codes(literals), new Codes(Array<number>(32).fill(5)));
  }

  private dynamic(block: DeflateBlock): void {
    const [literals, distances, sent] = [this.take(5) + 257, this.take(5) + 1, this.take(4) + 4];
    const codeLengths = Array<number>(19).fill(0);
    for (const symbol of ORDER.slice(0, sent)) codeLengths[symbol] = this.take(3);
    block.codeLengthCounts = Array<number>(19).fill(0);
    const all = this.lengths(new Codes(codeLengths), literals + distances, block.codeLengthCounts);
    block.kind = 'dynamic';
    block.bits = { literals: all.slice(0, literals), distances: all.slice(literals), codeLengths };
    this.symbols(block, new Codes(block.bits.literals), new Codes(block.bits.distances));
  }

  private lengths(codes: Codes, number: number, counts: number[]): number[] {
    const lengths: number[] = [];
    while (lengths.length < number) {
      const symbol = codes.decode(this.bit);
      counts[symbol]! += 1;
      if (symbol < 16) lengths.push(symbol);
      else if (symbol === 16) lengths.push(...Array<number>(3 + this.take(2)).fill(lengths.at(-1)!));
      else lengths.push(...Array<number>(symbol === 17 ? 3 + this.take(3) : 11 + this.take(7)).fill(0));
    }
    if (lengths.length > number) throw new Error('a run of lengths goes over their end');
    return lengths;
  }

  private symbols(block: DeflateBlock, literals: Codes, distances: Codes): void {
    for (let symbol = literals.decode(this.bit); symbol !== 256; symbol = literals.decode(this.bit)) {
      if (symbol < 256) block.literals += 1;
      else block.matches.push(this.match(symbol - 257, distances));
    }
  }

  private match(symbol: number, distances: Codes): Match {
    const length = LENGTH_BASES[symbol]! + this.take(LENGTH_EXTRA[symbol]!);
    const far = distances.decode(this.bit);
    return { length, distance: DISTANCE_BASES[far]! + this.take(DISTANCE_EXTRA[far]!) };
  }

  private readonly bit = (): number => {
    const byte = this.bytes[this.at >> 3];
    if (byte === undefined) throw new Error('the bytes end inside a block');
    return (byte >> (this.at++ & 7)) & 1;
  };

  private take(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i += 1) value |= this.bit() << i;
    return value;
  }
}
