import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32, gunzipSync, inflateRawSync } from 'node:zlib';
import { DeflateEngine } from '../../lib/compression/deflate-engine.js';
import { DeflatePool } from '../../lib/compression/deflate-pool.js';
import { type Deflating, GzipCompressor } from '../../lib/compression/gzip-compressor.js';
import { buffers } from '../../lib/oci/buffer-pool.js';
import { noise, text, toBuffer } from '../support/content.js';
import { until } from '../support/test-server.js';

const BLOCK = 1024 * 1024;
const AHEAD = 3;

const engine = new DeflateEngine();

/** Deflates here, and counts; `turn` says when a block is done, or fails. */
function poolOf(turn: () => Promise<unknown> = () => Promise.resolve()) {
  const counts = { here: 0, elsewhere: 0, most: 0 };
  let running = 0;
  const pool: Deflating = {
    ahead: AHEAD,
    deflateHere: (block) => {
      counts.here += 1;
      return engine.deflate(block);
    },
    deflate: async (block) => {
      counts.elsewhere += 1;
      counts.most = Math.max(counts.most, ++running);
      try {
        await turn();
        return engine.deflate(block);
      } finally {
        running -= 1;
      }
    },
  };
  return { pool, counts };
}

/** Does nothing until it is told to go on. */
function held() {
  const waiting: (() => void)[] = [];
  return { waiting, ...poolOf(() => new Promise<void>((resolve) => waiting.push(resolve))) };
}

function streamOf(bytes: Buffer, size = BLOCK): Readable {
  const count = Math.ceil(bytes.length / size);
  return Readable.from(Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size)));
}

function compress(source: Readable, size = Infinity, pool = poolOf().pool): Readable {
  return new GzipCompressor(pool).compress(source, size);
}

function gzip(bytes: Buffer, size?: number, pool?: Deflating): Promise<Buffer> {
  return buffer(compress(streamOf(bytes, size), bytes.length, pool));
}

/** Bytes that shrink by a quarter: what is made of one block is passed on when the second one is there. */
const SIX_BITS = Buffer.from(toBuffer(noise(BLOCK)).map((byte) => byte & 63));

/** A source that counts what is taken of it, and stops giving after `limit` bytes without ending. */
function counted(limit = Infinity) {
  const counts = { taken: 0 };
  const source = new Readable({
    highWaterMark: BLOCK,
    read() {
      if (counts.taken >= limit) return;
      counts.taken += BLOCK;
      this.push(SIX_BITS);
    },
  });
  return { source, counts };
}

describe('GzipCompressor', () => {
  it('says what it makes', () => {
    expect(new GzipCompressor().packing).toBe('gzip');
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['one byte', Buffer.from('x')],
    ['one byte less than a block', toBuffer(text(BLOCK - 1))],
    ['a block', toBuffer(text(BLOCK))],
    ['one byte more than a block', toBuffer(text(BLOCK + 1))],
    ['one byte less than the window more', toBuffer(text(BLOCK + 32 * 1024 - 1))],
    ['several blocks', toBuffer(text(5 * BLOCK))],
    ['several blocks and a bit', toBuffer(text(5 * BLOCK + 12_345))],
    ['bytes that cannot be compressed', toBuffer(noise(3 * BLOCK + 7))],
    ['zeros', Buffer.alloc(4 * BLOCK)],
  ])('makes gzip that gives back %s', async (_, plain) => {
    const packed = await gzip(plain);
    expect(gunzipSync(packed).equals(plain)).toBe(true);
  });

  it.each([0, 1, BLOCK, 3 * BLOCK + 5])(
    'writes one member with the checksum and the size of all %d bytes',
    async (size) => {
      const plain = toBuffer(noise(size));
      const packed = await gzip(plain);
      // RFC 1952: no name, no time, no operating system.
      expect(packed.subarray(0, 10).toString('hex')).toBe('1f8b08000000000000ff');
      expect(inflateRawSync(packed.subarray(10, -8)).equals(plain)).toBe(true);
      expect(packed.readUInt32LE(packed.length - 8)).toBe(crc32(plain));
      expect(packed.readUInt32LE(packed.length - 4)).toBe(size);
    },
  );

  it('makes the same bytes however the source is cut, and at every run', async () => {
    const plain = Buffer.concat([toBuffer(text(2 * BLOCK + 100)), toBuffer(noise(BLOCK))]);
    const digests = new Set<string>();
    for (const size of [plain.length, 2 * BLOCK, BLOCK, 65_536, 99_991, BLOCK + 1]) {
      digests.add(
        createHash('sha256')
          .update(await gzip(plain, size))
          .digest('hex'),
      );
    }
    digests.add(
      createHash('sha256')
        .update(await gzip(plain))
        .digest('hex'),
    );
    expect(digests.size).toBe(1);
  });

  it('makes the same bytes while others compress, in whatever order blocks are done', async () => {
    const plain = toBuffer(text(4 * BLOCK));
    const jumbled = () => poolOf(() => sleep(Math.random() * 10)).pool;
    const alone = await gzip(plain);
    const together = await Promise.all([gzip(plain, undefined, jumbled()), gzip(plain, 1000, jumbled()), gzip(plain)]);
    for (const packed of together) expect(packed.equals(alone)).toBe(true);
  });

  it('makes the same bytes on threads, several streams at once', async () => {
    const pool = new DeflatePool(2, 1);
    const plains = ['a', 'b', 'c'].map((seed) =>
      Buffer.concat([toBuffer(text(6 * BLOCK + 5, seed)), toBuffer(noise(9))]),
    );
    const together = await Promise.all(plains.map((plain) => gzip(plain, undefined, pool)));
    for (const [i, plain] of plains.entries()) expect(together[i]!.equals(await gzip(plain))).toBe(true);
  });

  it('makes the same bytes here of what is too small for others to be started, without them', async () => {
    for (const size of [0, 1, 100_000, BLOCK - 1, BLOCK, 2 * BLOCK]) {
      const plain = toBuffer(text(size));
      const { pool, counts } = poolOf();
      expect(gunzipSync(await gzip(plain, undefined, pool)).equals(plain)).toBe(true);
      const blocks = Math.ceil(size / BLOCK);
      expect([size, counts.here, counts.elsewhere]).toEqual([size, ...(size < BLOCK ? [blocks, 0] : [0, blocks])]);
    }
    const small = toBuffer(text(BLOCK - 1));
    expect((await gzip(small)).equals(await buffer(compress(streamOf(small), BLOCK)))).toBe(true);
  });

  it('does not deflate what is packed already', async () => {
    const { pool, counts } = poolOf();
    const plain = Buffer.concat([toBuffer(noise(2 * BLOCK)), toBuffer(text(BLOCK))]);
    expect(gunzipSync(await gzip(plain, undefined, pool)).equals(plain)).toBe(true);
    expect(counts.elsewhere).toBe(1);
  });

  it('adds next to nothing to what cannot be compressed', async () => {
    const size = 4 * BLOCK;
    expect((await gzip(toBuffer(noise(size)))).length).toBeLessThan(size * 1.001);
  });

  it('deflates every block once, as many of them at once as keep the pool at work', async () => {
    const { pool, counts, waiting } = held();
    const work = gzip(toBuffer(text(8 * BLOCK + 1)), undefined, pool);
    for (let done = 0; done < 9; done += 1) {
      await until(() => waiting.length > 0, 'a block to come');
      waiting.shift()?.();
    }
    await work;
    expect(counts).toEqual({ here: 0, elsewhere: 9, most: AHEAD + 1 });
  });

  describe('memory', () => {
    it('holds a bounded number of blocks while none is done', async () => {
      const { pool, counts: deflated } = held();
      const { source, counts } = counted();
      const packed = compress(source, Infinity, pool);
      packed.resume();
      await until(() => deflated.elsewhere === AHEAD + 1, 'all to be under way');
      await sleep(20);
      expect(deflated.elsewhere).toBe(AHEAD + 1);
      // Those, and what the source has read ahead.
      expect(counts.taken).toBeLessThanOrEqual((AHEAD + 2) * BLOCK);
      packed.destroy();
    });

    it('takes no more than that while nobody reads on', async () => {
      const { source, counts } = counted();
      const packed = compress(source);
      await packed[Symbol.asyncIterator]().next();
      await sleep(50);
      expect(counts.taken).toBeLessThanOrEqual((AHEAD + 5) * BLOCK);
      packed.destroy();
    });

    it('takes nothing before somebody reads', async () => {
      const { source, counts } = counted();
      const packed = compress(source);
      await sleep(5);
      expect(counts.taken).toBe(0);
      packed.destroy();
    });
  });

  describe('when something ends it', () => {
    it('fails with the error of the source, before and behind blocks', async () => {
      for (const before of [0, 1, 5]) {
        async function* failing(): AsyncGenerator<Buffer> {
          for (let i = 0; i < before; i += 1) yield Buffer.alloc(BLOCK);
          await sleep(1);
          throw new Error('disk on fire');
        }
        const source = Readable.from(failing());
        await expect(buffer(compress(source))).rejects.toThrow('disk on fire');
        expect(source.destroyed).toBe(true);
      }
    });

    it('fails with the error of a source that failed before anybody read', async () => {
      const source = new Readable({ read: () => undefined });
      const packed = compress(source);
      source.destroy(new Error('disk on fire'));
      await sleep(5);
      await expect(buffer(packed)).rejects.toThrow('disk on fire');
    });

    it.each([Infinity, 1000])('fails with the error of the pool, and destroys the source (%d bytes)', async (size) => {
      const failing: Deflating = {
        ahead: AHEAD,
        deflate: () => Promise.reject(new Error('no more memory')),
        deflateHere: () => {
          throw new Error('no more memory');
        },
      };
      const { source } = counted();
      await expect(buffer(compress(source, size, failing))).rejects.toThrow('no more memory');
      expect(source.destroyed).toBe(true);
    });

    it('destroys the source when it is destroyed: unread, half read, and while the source is silent', async () => {
      for (const limit of [0, BLOCK, Infinity]) {
        const { source, counts } = counted(limit);
        const packed = compress(source);
        if (limit === Infinity) await packed[Symbol.asyncIterator]().next();
        if (limit === BLOCK) packed.read(0);
        await until(() => counts.taken >= Math.min(limit, BLOCK), 'the source to be read');
        await sleep(5);
        packed.destroy();
        await once(packed, 'close');
        expect(source.destroyed).toBe(true);
      }
    });

    it('destroys the source with an error of its own reader', async () => {
      const { source } = counted();
      const packed = compress(source);
      const failed = once(packed, 'error');
      await packed[Symbol.asyncIterator]().next();
      packed.destroy(new Error('connection lost'));
      expect(await failed).toEqual([new Error('connection lost')]);
      expect(source.destroyed).toBe(true);
    });

    it('leaves no rejection behind of blocks whose turn never came', async () => {
      const unhandled: unknown[] = [];
      const note = (reason: unknown): void => void unhandled.push(reason);
      process.on('unhandledRejection', note);
      const { pool } = poolOf(async () => {
        await sleep(2);
        throw new Error('no more memory');
      });
      await expect(buffer(compress(counted().source, Infinity, pool))).rejects.toThrow('no more memory');
      await sleep(20);
      process.off('unhandledRejection', note);
      expect(unhandled).toEqual([]);
    });
  });

  it.each([
    ['stored', toBuffer(noise(4 * BLOCK))],
    ['deflated', Buffer.alloc(4 * BLOCK, 'content ')],
  ])('gives buffers of the pool back when they are %s, and never those of others', async (_, content) => {
    const own = Array.from({ length: 4 }, (_, i) =>
      Buffer.from(new Uint8Array(content.subarray(i * BLOCK, (i + 1) * BLOCK))),
    );
    const pooled = own.map((bytes) => {
      const buffer = buffers.take();
      bytes.copy(buffer);
      return buffer;
    });
    for (const source of [own, pooled]) {
      const packed = await buffer(compress(Readable.from(source, { objectMode: false })));
      expect(gunzipSync(packed).equals(content)).toBe(true);
    }
    expect(Buffer.concat(own).equals(content)).toBe(true);
    expect(pooled.map((bytes) => bytes.buffer)).toContain(buffers.take().buffer);
  });
});
