import type { Random } from './random.js';
import { noise, text, toBuffer } from './content.js';

/** Bytes a deflater gets at once, at most. */
export const MOST_BLOCK = 1024 * 1024;

/** Bytes for a deflater, put together from parts that each try something else of it. */
export class DeflateContent {
  private readonly bytes = Buffer.alloc(MOST_BLOCK);
  length = 0;

  constructor(private readonly random: Random) {}

  get content(): Buffer {
    return this.bytes.subarray(0, this.length);
  }

  get left(): number {
    return MOST_BLOCK - this.length;
  }

  add(part: Uint8Array): this {
    this.bytes.set(part.subarray(0, this.left), this.length);
    this.length += Math.min(part.length, this.left);
    return this;
  }

  /** @param letters - how many different bytes */
  noise(size: number, letters = 256): this {
    const part = toBuffer(noise(size, String(this.random.next())));
    return this.add(letters === 256 ? part : part.map((byte) => byte % letters));
  }

  text(size: number): this {
    return this.add(toBuffer(text(size, String(this.random.next()))));
  }

  /** Bytes `distance` back once more, as a match in deflate copies them: also over its own. */
  copy(length: number, distance: number): this {
    for (let i = Math.min(length, this.left); i > 0; i -= 1, this.length += 1) {
      this.bytes[this.length] = this.bytes[this.length - distance] ?? 0;
    }
    return this;
  }

  /** Each byte as often as `counts` says, in any order. */
  shuffled(counts: readonly number[]): this {
    const part = Buffer.concat(counts.map((count, byte) => Buffer.alloc(count, byte)));
    for (let i = part.length - 1; i > 0; i -= 1) {
      const j = this.random.between(0, i);
      [part[i], part[j]] = [part[j]!, part[i]!];
    }
    return this.add(part);
  }

  /** Words of 4 to 8 bytes out of some number of them. */
  words(size: number, vocabulary: number): this {
    const letters = toBuffer(noise(8 * vocabulary, String(this.random.next())));
    const end = Math.min(MOST_BLOCK, this.length + size);
    while (this.length < end) {
      const at = 8 * this.random.between(0, vocabulary - 1);
      this.add(letters.subarray(at, at + 4 + (letters[at]! % 5)));
    }
    return this;
  }

  /** One part of any kind. */
  part(most: number): this {
    const { random } = this;
    const size = Math.ceil(most ** random.next());
    const kinds: (() => unknown)[] = [
      () => this.noise(size),
      () => this.noise(size, random.between(1, 255)),
      () => this.text(size),
      () => this.words(size, random.between(1, 3000)),
      () => this.shuffled(skewed(random, size)),
      () => this.add(Buffer.alloc(size, random.between(0, 255))),
      () => this.copies(random.between(1, 400)),
    ];
    random.pick(kinds)();
    return this;
  }

  /** Many matches at any distance, a little of something else between them. */
  private copies(times: number): void {
    for (let i = 0; i < times && this.length > 0; i += 1) {
      const distance = random32K(this.random, this.length);
      this.copy(this.random.once(20) ? this.random.between(1, 2000) : this.random.between(3, 40), distance);
      if (this.random.once(2)) this.noise(this.random.between(1, 20));
    }
  }
}

/** Distances of every symbol, and those around the end of the window more often. */
function random32K(random: Random, length: number): number {
  const distance = random.once(10) ? random.between(32_760, 32_780) : Math.ceil(32_768 ** random.next());
  return Math.min(distance, length);
}

/** Counts that fall as fast as `ratio` says, so that codes get as long as they can. */
function skewed(random: Random, size: number): number[] {
  const [ratio, common] = [1 + random.next(), random.between(0, 200)];
  const counts: number[] = [];
  let left = Math.min(size, 262_144);
  const even = common === 0 ? 0 : Math.floor((left * random.next()) / common);
  for (let i = 0; i < common; i += 1) counts.push(even);
  left -= common * even;
  for (let count = 1; count <= left && counts.length < 256; count = Math.ceil(count * ratio)) {
    counts.push(count);
    left -= count;
  }
  return counts;
}
