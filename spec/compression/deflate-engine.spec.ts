import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { inflateRawSync } from 'node:zlib';
import { DeflateEngine, type DeflateMemory } from '../../lib/compression/deflate-engine.js';
import { noise, text, toBuffer } from '../support/content.js';
import { DeflateContent, MOST_BLOCK } from '../support/deflate-content.js';
import { type DeflateBlock, DISTANCES, readDeflate } from '../support/inflate-reader.js';
import { Random } from '../support/random.js';

/*
 * A wrong byte of this encoder would break an image, and nobody would see it before the image is run. So what it makes is
 * unpacked by zlib here, and read bit by bit where a case must show that it reaches what it is there for.
 * DEFLATE_RUNS=10000 tries more blocks than this sample.
 */

const RUNS = Number(process.env.DEFLATE_RUNS ?? 60);
const isSample = process.env.DEFLATE_RUNS === undefined;
const SEED = Number(process.env.DEFLATE_SEED ?? 20261122);

const KIB = 1024;
/** Bytes that have codes of their own, at most. */
const SUB_BLOCK = 256 * KIB;
/** Matches in one of those, at most. */
const MOST_MATCHES = 16_384;
const END = Buffer.from([0x03, 0x00]);
const FLUSHED = Buffer.from([0, 0, 0xff, 0xff]);

const engine = new DeflateEngine();

/** What it makes, after all that must be true of every result. */
function deflated(block: Buffer, deflate = (bytes: Buffer) => engine.deflate(bytes)): Buffer {
  const before = Buffer.from(block);
  const packed = deflate(block);
  expect(before.equals(block)).toBe(true);
  expect(packed.subarray(-4)).toEqual(FLUSHED);
  // Five bytes for each 64 KiB that are stored, and a few for the end of what is not.
  expect(packed.length).toBeLessThanOrEqual(block.length + 6 * Math.ceil(block.length / 65_535) + 64);
  expectUnpacked(packed, block);
  return packed;
}

/** By zlib, and up to the last byte. */
function expectUnpacked(packed: Buffer, block: Buffer): void {
  const whole = Buffer.concat([packed, END]);
  const unpacked = inflateRawSync(whole, { info: true }) as unknown as {
    buffer: Buffer;
    engine: { bytesWritten: number };
  };
  expect(unpacked.engine.bytesWritten).toBe(whole.length);
  expect(unpacked.buffer.equals(block)).toBe(true);
}

/** All but the empty block that ends each result. */
function blocksOf(block: Buffer): DeflateBlock[] {
  const blocks = readDeflate(deflated(block));
  expect(blocks.pop()).toMatchObject({ kind: 'stored', literals: 0 });
  return blocks;
}

const matchesOf = (block: Buffer) => blocksOf(block).flatMap(({ matches }) => matches);

function madeOf(make: (content: DeflateContent) => unknown, seed = 1): Buffer {
  const content = new DeflateContent(new Random(seed));
  make(content);
  return content.content;
}

/** F(1) … F(n). */
function fibonacci(number: number): number[] {
  const numbers = [1, 1];
  while (numbers.length < number) numbers.push(numbers.at(-1)! + numbers.at(-2)!);
  return numbers;
}

/** Bits of the longest code, where nothing limits it. */
function depthOf(counts: readonly number[]): number {
  let nodes = counts.filter((count) => count > 0).map((count) => ({ count, depth: 0 }));
  while (nodes.length > 1) {
    nodes = nodes.sort((a, b) => a.count - b.count || a.depth - b.depth);
    const [a, b] = [nodes[0]!, nodes[1]!];
    nodes.splice(0, 2, { count: a.count + b.count, depth: 1 + Math.max(a.depth, b.depth) });
  }
  return nodes[0]!.depth;
}

describe('DeflateEngine', () => {
  const sizes = [
    ...Array.from({ length: 21 }, (_, i) => i),
    ...[64 * KIB, SUB_BLOCK, SUB_BLOCK + 12, 2 * SUB_BLOCK].flatMap((size) => [size - 1, size, size + 1]),
    ...[65_534, 32_768, 1_000_003, MOST_BLOCK - 1, MOST_BLOCK],
  ];

  it.each<[string, (size: number) => Buffer]>([
    ['zeros', (size) => Buffer.alloc(size)],
    ['one byte again and again', (size) => Buffer.alloc(size, 'x')],
    ['noise', (size) => toBuffer(noise(size))],
    ['noise of a few letters', (size) => toBuffer(noise(size)).map((byte) => byte % 5) as Buffer],
    ['text', (size) => toBuffer(text(size))],
  ])('makes what zlib unpacks of %s, whatever their size', (_, contentOf) => {
    for (const size of sizes) deflated(Buffer.from(contentOf(size)));
  });

  it('makes nothing but an empty block of nothing', () => {
    expect(deflated(Buffer.alloc(0)).toString('hex')).toBe('000000ffff');
  });

  it('packs what is equal to next to nothing, and text as well as zlib does at level 1', () => {
    expect(deflated(Buffer.alloc(MOST_BLOCK)).length).toBeLessThan(2 * KIB);
    const lines = Array.from({ length: 9000 }, (_, i) => `${i} ${Math.sin(i)} file /usr/lib/${i % 97}.so\n`);
    // zlib makes 136 KiB of it, and igzip 141.
    expect(deflated(Buffer.from(lines.join(''))).length / lines.join('').length).toBeLessThan(0.4);
  });

  it('stores what gets no smaller, in pieces as large as they may be', () => {
    for (const size of [1, 100, 65_535, 65_536, SUB_BLOCK]) {
      const stored = blocksOf(toBuffer(noise(size)));
      expect(stored.map(({ kind }) => kind)).toEqual(Array(Math.ceil(size / 65_535)).fill('stored'));
      expect(stored[0]!.literals).toBe(Math.min(size, 65_535));
    }
    const mixed = madeOf((content) => content.text(SUB_BLOCK).noise(SUB_BLOCK).text(SUB_BLOCK));
    expect(new Set(blocksOf(mixed).map(({ kind }) => kind))).toEqual(new Set(['stored', 'dynamic']));
  });

  describe('codes', () => {
    /** Many bytes that occur evenly, so that there are no matches, and some that are rarer and rarer. */
    const skewed = (rare: readonly number[], common: number, times: number) =>
      madeOf((content) => content.shuffled([...rare, ...Array<number>(common).fill(times)]));

    it.each([
      ['as Fibonacci says', fibonacci(15)],
      ['twice as often each', Array.from({ length: 11 }, (_, i) => 2 ** i)],
      ['half of them once', [...Array<number>(40).fill(1), ...fibonacci(15)]],
    ])('have 14 bits at most, when bytes occur %s', (_, rare) => {
      const block = skewed(rare, 120, 2000);
      const [first, ...others] = blocksOf(block);
      expect([first!.kind, first!.matches, others]).toEqual(['dynamic', [], []]);
      expect(depthOf([1, ...rare, ...Array<number>(120).fill(2000)])).toBeGreaterThan(14);
      expect(Math.max(...first!.bits.literals)).toBe(14);
    });

    it('are the best ones that there are, where they are no longer than that', () => {
      for (const [rare, common, times] of [
        [[3, 5, 90, 91], 200, 400],
        [fibonacci(12), 90, 350],
      ] as const) {
        const counts = [...rare, ...Array<number>(common).fill(times)];
        const [{ bits }] = blocksOf(skewed(rare, common, times)) as [DeflateBlock];
        expect(depthOf([1, ...counts])).toBeLessThanOrEqual(14);
        const made = counts.reduce((sum, count, byte) => sum + count * bits.literals[byte]!, bits.literals[256]!);
        expect(made).toBe(leastBits([1, ...counts]));
      }
    });

    it('of distances have 15 bits at most', () => {
      const counts = fibonacci(18);
      const block = madeOf((content) => farAndFar(content, counts));
      const [{ matches, bits }] = blocksOf(block) as [DeflateBlock];
      const seen = DISTANCES.map(
        (least, i) =>
          matches.filter(({ distance }) => distance >= least && distance < (DISTANCES[i + 1] ?? 1e9)).length,
      );
      expect(depthOf(seen)).toBeGreaterThan(15);
      expect(Math.max(...bits.distances)).toBe(15);
    });

    it.each([26, 79, 86, 121, 125, 174])('of the codes themselves have 7 bits at most (%d)', (seed) => {
      const [first] = blocksOf(madeOf((content) => content.shuffled(ofManyLengths(new Random(seed))), seed));
      expect(depthOf(first!.codeLengthCounts)).toBeGreaterThan(7);
      expect(Math.max(...first!.bits.codeLengths)).toBe(7);
    });

    it('name no more symbols than there are', () => {
      const [low] = blocksOf(Buffer.concat([toBuffer(noise(5000)).map((byte) => byte % 16)])) as [DeflateBlock];
      expect([low.bits.literals.length, low.bits.distances.length]).toEqual([
        257 + usedLengths(low),
        usedDistances(low),
      ]);
      const [none] = blocksOf(Buffer.from('abcdefgabcegaabdgggacaeg')) as [DeflateBlock];
      // Two codes where one or none would do: not every reader takes less.
      expect([none.matches, none.bits.distances]).toEqual([[], [1, 1]]);
      const [zeros] = blocksOf(Buffer.alloc(5000)) as [DeflateBlock];
      expect(zeros.bits.distances).toEqual([1, 1]);
    });

    it('are made for 256 KiB at most', () => {
      const numbers = [SUB_BLOCK, SUB_BLOCK + 1, 2 * SUB_BLOCK, 2 * SUB_BLOCK + 1];
      expect(numbers.map((size) => blocksOf(toBuffer(text(size))).length)).toEqual([1, 2, 2, 3]);
    });

    it('are told in the runs that RFC 1951 has', () => {
      // Letters that are used as often as each other, at every distance from each other.
      for (const gap of [0, 1, 2, 3, 9, 10, 11, 12, 60, 137, 138, 139, 140, 150, 200, 254]) {
        for (const run of [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14]) {
          const counts = Array<number>(256).fill(0).fill(40, 0, run);
          counts.fill(40, run + gap, run + gap + run);
          deflated(madeOf((content) => content.shuffled(counts.slice(0, 256)), gap + run));
        }
      }
    });
  });

  describe('matches', () => {
    it('give way to the next codes when there are too many for one', () => {
      const blocks = blocksOf(madeOf((content) => content.words(MOST_BLOCK, 500)));
      expect(blocks.filter(({ matches }) => matches.length === MOST_MATCHES).length).toBeGreaterThan(4);
      expect(Math.max(...blocks.map(({ matches }) => matches.length))).toBe(MOST_MATCHES);
      for (const vocabulary of [2, 30, 5000]) deflated(madeOf((content) => content.words(MOST_BLOCK, vocabulary)));
    });

    it('have every length from 6 to 258, and are more of them beyond', () => {
      const found = (length: number) => matchesOf(twice(length)).filter(({ distance }) => distance > 1);
      for (let length = 6; length <= 258; length += 1) {
        expect(found(length)).toEqual([{ length, distance: length + 3 }]);
      }
      for (const length of [259, 260, 261, 262, 263, 264, 300, 514, 515, 516, 517, 520, 524, 774, 5000]) {
        const [first, ...others] = found(length);
        expect(first).toEqual({ length: 258, distance: length + 3 });
        expect(others.filter((match) => match.distance !== length + 3 || match.length > 258)).toEqual([]);
        if (length > 500) expect(others[0]!.length).toBe(Math.min(length - 258, 258));
      }
      for (const length of [1, 2, 3, 4, 5]) deflated(twice(length));
    });

    it('are found at every distance, on both sides of where a symbol begins', () => {
      for (const distance of DISTANCES.flatMap((least) => [least - 1, least, least + 1]).filter(Boolean)) {
        const matches = matchesOf(madeOf((content) => back(content, distance)));
        expect(matches).toContainEqual({ length: expect.any(Number), distance });
      }
    });

    it('are found 32,767 and 32,768 bytes back, and never further', () => {
      const farthest = (distance: number) => matchesOf(madeOf((content) => back(content, distance))).at(-1);
      expect(farthest(32_767)).toEqual({ length: 64, distance: 32_767 });
      expect(farthest(32_768)).toEqual({ length: 64, distance: 32_768 });
      for (const distance of [32_769, 32_770, 40_000, 65_536, 98_304]) expect(farthest(distance)?.distance).toBe(1);
    });

    it('reach back over the codes before, and not over the block', () => {
      const part = toBuffer(noise(100, 'part'));
      const block = Buffer.concat([Buffer.alloc(SUB_BLOCK - 100), part, part, toBuffer(noise(30, 'end'))]);
      expect(blocksOf(block)[1]!.matches).toEqual([{ length: 100, distance: 100 }]);
      deflated(part);
      expect(matchesOf(Buffer.concat([part]))).toEqual([]);
    });

    it('begin where the bytes do, even when that was passed over', () => {
      // Noise makes it look at fewer and fewer places: most of these are found in the middle, and some more than 258 bytes in.
      const begins = Array.from({ length: 100 }, (_, i) => {
        const distance = 16_000 + 7 * i;
        const block = madeOf(
          (content) => content.noise(20_000).copy(3000, distance).noise(20).add(Buffer.alloc(9000)),
          i,
        );
        const matches = matchesOf(block).filter((match) => match.distance === distance);
        return matches.reduce((sum, { length }) => sum + length, 0);
      });
      expect(begins.filter((length) => length === 3000).length).toBeGreaterThan(90);
    });

    it('do not begin among the last bytes', () => {
      for (let tail = 0; tail <= 30; tail += 1) {
        deflated(madeOf((content) => content.noise(40).copy(40, 40).noise(tail)));
        deflated(madeOf((content) => content.noise(40).copy(tail, 40)));
        deflated(
          madeOf((content) =>
            content
              .noise(SUB_BLOCK - tail)
              .copy(40, 40)
              .noise(50),
          ),
        );
      }
    });
  });

  it('makes the same bytes of a block, whatever was there before, in both slots', () => {
    const blocks = [
      toBuffer(noise(MOST_BLOCK)),
      Buffer.from('a few bytes, a few bytes, a few bytes'),
      madeOf((content) => content.words(300_000, 100)),
      Buffer.alloc(MOST_BLOCK, 'abcdefghij'),
      Buffer.alloc(0),
      toBuffer(text(777_777)),
      Buffer.alloc(SUB_BLOCK - 5),
    ];
    const slots = [slotOf(0), slotOf(1)];
    for (const used of [...blocks, ...[...blocks].reverse()]) {
      const alone = new DeflateEngine().deflate(used);
      for (const deflate of [(bytes: Buffer) => engine.deflate(bytes), ...slots]) {
        expect(deflated(used, deflate).equals(alone)).toBe(true);
      }
    }
  });

  it('knows nothing of where bytes were in the block before', () => {
    const part = toBuffer(noise(300, 'part'));
    const used = [slotOf(0), slotOf(1)];
    for (let i = 0; i < 20; i += 1) {
      // Looked at byte by byte in the first, and at few places in the second: what is known of there would find it once more.
      const before = madeOf((content) =>
        content
          .add(Buffer.alloc(20_000 + i))
          .add(part)
          .add(Buffer.alloc(99)),
      );
      const block = madeOf(
        (content) =>
          content
            .noise(20_000 + i)
            .add(part)
            .noise(9000)
            .add(part)
            .text(9000),
        i,
      );
      const alone = new DeflateEngine().deflate(block);
      for (const deflate of used) {
        deflated(before, deflate);
        expect([i, deflated(block, deflate).equals(alone)]).toEqual([i, true]);
      }
    }
  });

  it('leaves the other slot alone', () => {
    const memory = engine.newMemory();
    const [one, other] = [toBuffer(noise(MOST_BLOCK, 'one')), toBuffer(text(MOST_BLOCK, 'other'))];
    for (const slot of [0, 1]) {
      engine.fill(memory, slot, one);
      engine.fill(memory, 1 - slot, other);
      const size = instanceOf(memory).deflate(slot, one.length);
      const next = instanceOf(memory).deflate(1 - slot, other.length);
      expectUnpacked(engine.result(memory, slot, size), one);
      expectUnpacked(engine.result(memory, 1 - slot, next), other);
    }
  });

  /** Layers that were pushed before are found by their digest: other bytes are other layers, sent once more by everybody. */
  it('makes the bytes that it always made', () => {
    const hash = createHash('sha256');
    for (const seed of [1, 2, 3]) hash.update(engine.deflate(mixed(seed)));
    const skewed = [...fibonacci(15), ...Array<number>(90).fill(2000)];
    hash.update(engine.deflate(madeOf((content) => content.shuffled(skewed))));
    hash.update(engine.deflate(toBuffer(text(MOST_BLOCK))));
    expect(hash.digest('hex')).toBe('92cd08a19a86d58232bb19c7d955c7d041bfb883e5a2c3bd80595ab56a976162');
  });

  it(
    `makes what zlib unpacks of ${RUNS} blocks of anything`,
    () => {
      for (let run = 0; run < RUNS; run += 1) {
        const block = mixed(SEED + run);
        try {
          deflated(block);
        } catch (error) {
          throw new Error(`DEFLATE_RUNS=1 DEFLATE_SEED=${SEED + run}, ${block.length} bytes`, { cause: error });
        }
      }
    },
    isSample ? undefined : 24 * 60 * 60 * 1000,
  );
});

/** A block of any size, of parts of any kind. */
function mixed(seed: number): Buffer {
  const random = new Random(seed);
  const content = new DeflateContent(random);
  const size = random.once(20) ? MOST_BLOCK : Math.floor(MOST_BLOCK ** random.next());
  while (content.length < size) content.part(Math.min(size, random.pick([100, 5000, 100_000])));
  return content.content.subarray(0, size);
}

interface Instance {
  deflate(slot: number, size: number): number;
}

/** TypeScript knows WebAssembly for browsers only. */
function instanceOf(memory: DeflateMemory): Instance {
  const { WebAssembly: api } = globalThis as unknown as {
    WebAssembly: { Instance: new (module: object, imports: object) => { exports: Instance } };
  };
  return new api.Instance(engine.module, { env: { memory } }).exports;
}

/** As on a thread: in a memory that is used again and again. */
function slotOf(slot: number): (block: Buffer) => Buffer {
  const memory = engine.newMemory();
  const instance = instanceOf(memory);
  return (block) => {
    engine.fill(memory, slot, block);
    return engine.result(memory, slot, instance.deflate(slot, block.length));
  };
}

/** Bytes, others, and the first ones again; and so many zeros that it is not stored. */
function twice(length: number): Buffer {
  const [part, end] = [toBuffer(noise(length, 'part')), toBuffer(noise(16, 'end'))];
  const others = Buffer.from([~part[0]! & 255, 1, ~part[length - 1]! & 255]);
  return Buffer.concat([part, others, part, end, Buffer.alloc(2000)]);
}

/** Bytes that are found so far back, and what can be found just before itself in between. */
function back(content: DeflateContent, distance: number): void {
  if (distance < 64) content.noise(distance).copy(64, distance).noise(16);
  else
    content
      .noise(64)
      .add(Buffer.alloc(distance - 64, 'x'))
      .copy(64, distance)
      .noise(16);
}

/** As many matches as `counts` says at each distance, the farthest first, of bytes that nothing else was copied from. */
function farAndFar(content: DeflateContent, counts: readonly number[]): void {
  const random = new Random(7);
  const isFree = Buffer.alloc(MOST_BLOCK);
  const addNoise = (size: number) => {
    isFree.fill(1, content.length, content.length + size);
    content.noise(size);
  };
  addNoise(500);
  // The farthest are the rarest: there is enough before them when it is their turn.
  for (const [i, count] of [...counts.entries()].reverse()) {
    const symbol = DISTANCES.length - 1 - i;
    for (let left = count; left > 0;) {
      const distance = random.between(DISTANCES[symbol]!, (DISTANCES[symbol + 1] ?? 32_769) - 1);
      const from = content.length - distance;
      if (from >= 0 && !isFree.subarray(from, from + 8).includes(0)) {
        isFree.fill(0, from, from + 8);
        content.copy(8, distance);
        left -= 1;
      }
      addNoise(12);
    }
  }
}

/** Counts of bytes whose codes have many lengths, some of them seldom. */
function ofManyLengths(random: Random): number[] {
  const more = 0.35 + 0.4 * random.next();
  return random.times(random.between(120, 200), () => {
    let bits = 7;
    while (bits < 14 && random.next() < more) bits += 1;
    return 2 ** (14 - (random.next() < 0.08 ? random.between(5, 8) : bits));
  });
}

/** What Huffman's codes take: the sum of all inner nodes. */
function leastBits(counts: readonly number[]): number {
  const nodes = [...counts];
  let bits = 0;
  while (nodes.length > 1) {
    const [a, b] = nodes.sort((x, y) => x - y).splice(0, 2) as [number, number];
    bits += a + b;
    nodes.push(a + b);
  }
  return bits;
}

function usedLengths({ bits }: DeflateBlock): number {
  return bits.literals.findLastIndex((length) => length > 0) - 256;
}

function usedDistances({ bits }: DeflateBlock): number {
  return bits.distances.findLastIndex((length) => length > 0) + 1;
}
