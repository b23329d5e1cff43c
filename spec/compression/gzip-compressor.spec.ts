import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32, gunzipSync, inflateRawSync } from 'node:zlib';
import { type Gate, GzipCompressor } from '../../lib/compression/gzip-compressor.js';
import { compressionParallelism } from '../../lib/compression/parallelism.js';
import { buffers } from '../../lib/oci/buffer-pool.js';
import { noise, text, toBuffer } from '../support/content.js';

const BLOCK = 256 * 1024;

const open: Gate = (task) => task();

function streamOf(bytes: Buffer, size = 1024 * 1024): Readable {
  const count = Math.ceil(bytes.length / size);
  return Readable.from(Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size)));
}

function gzip(bytes: Buffer, size?: number, gate = open): Promise<Buffer> {
  return buffer(new GzipCompressor(gate).compress(streamOf(bytes, size)));
}

/** A source of zeros that counts what is taken of it, and stops giving after `limit` bytes without ending. */
function counted(limit = Infinity) {
  const counts = { taken: 0 };
  const chunk = Buffer.alloc(BLOCK);
  const source = new Readable({
    highWaterMark: BLOCK,
    read() {
      if (counts.taken >= limit) return;
      counts.taken += chunk.length;
      this.push(chunk);
    },
  });
  return { source, counts };
}

/** Lets tasks through one by one, when it is told to. */
function heldGate() {
  const waiting: (() => void)[] = [];
  const counts = { running: 0, most: 0 };
  const gate: Gate = async (task) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    counts.running += 1;
    counts.most = Math.max(counts.most, counts.running);
    try {
      return await task();
    } finally {
      counts.running -= 1;
    }
  };
  return { gate, waiting, counts };
}

describe('GzipCompressor', () => {
  it('says what it makes', () => {
    expect(new GzipCompressor(open).packing).toBe('gzip');
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
    for (const size of [plain.length, 1024 * 1024, BLOCK, 65_536, 99_991, BLOCK + 1]) {
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
    const jumbled: Gate = async (task) => {
      const result = await task();
      await sleep(Math.random() * 10);
      return result;
    };
    const alone = await gzip(plain);
    const together = await Promise.all([gzip(plain, undefined, jumbled), gzip(plain, 1000, jumbled), gzip(plain)]);
    for (const packed of together) expect(packed.equals(alone)).toBe(true);
  });

  it('does not deflate what is packed already', async () => {
    let count = 0;
    const counting: Gate = (task) => {
      count += 1;
      return task();
    };
    const plain = Buffer.concat([toBuffer(noise(2 * BLOCK)), toBuffer(text(BLOCK))]);
    expect(gunzipSync(await gzip(plain, undefined, counting)).equals(plain)).toBe(true);
    expect(count).toBe(1);
  });

  it('adds next to nothing to what cannot be compressed', async () => {
    const size = 4 * BLOCK;
    expect((await gzip(toBuffer(noise(size)))).length).toBeLessThan(size * 1.001);
  });

  it('compresses better at a higher level', async () => {
    const plain = toBuffer(text(BLOCK));
    const packed = await buffer(new GzipCompressor(open, 9).compress(streamOf(plain)));
    expect(packed.length).toBeLessThan((await gzip(plain)).length);
    expect(gunzipSync(packed).equals(plain)).toBe(true);
  });

  describe('the gate', () => {
    it('lets every block through once', async () => {
      let count = 0;
      const counting: Gate = (task) => {
        count += 1;
        return task();
      };
      await gzip(toBuffer(text(3 * BLOCK + 1)), undefined, counting);
      expect(count).toBe(4);
    });

    it('bounds what is compressed at once over several streams', async () => {
      const { gate, waiting, counts } = heldGate();
      const work = Promise.all([1, 2, 3].map((seed) => gzip(toBuffer(text(3 * BLOCK, `${seed}`)), undefined, gate)));
      let done = false;
      void work.finally(() => (done = true));
      while (!done) {
        if (counts.running === 0) waiting.shift()?.();
        await sleep(1);
      }
      expect(counts.most).toBe(1);
    });

    it('fails the stream when it fails', async () => {
      const failing: Gate = () => Promise.reject(new Error('no more memory'));
      const { source } = counted();
      await expect(buffer(new GzipCompressor(failing).compress(source))).rejects.toThrow('no more memory');
      expect(source.destroyed).toBe(true);
    });
  });

  describe('memory', () => {
    it('holds a bounded number of blocks while none is done', async () => {
      const { gate } = heldGate();
      const { source, counts } = counted();
      const packed = new GzipCompressor(gate).compress(source);
      packed.resume();
      await sleep(50);
      // Those on their way, the one that waits to be sent there, and what the source has read ahead.
      expect(counts.taken).toBeLessThanOrEqual((2 * compressionParallelism() + 3) * BLOCK);
      packed.destroy();
    });

    it('takes no more than that while nobody reads on', async () => {
      const { source, counts } = counted();
      const packed = new GzipCompressor(open).compress(source);
      await packed[Symbol.asyncIterator]().next();
      await sleep(50);
      expect(counts.taken).toBeLessThanOrEqual((2 * compressionParallelism() + 5) * BLOCK);
      packed.destroy();
    });

    it('takes nothing before somebody reads', async () => {
      const { source, counts } = counted();
      const packed = new GzipCompressor(open).compress(source);
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
        await expect(buffer(new GzipCompressor(open).compress(source))).rejects.toThrow('disk on fire');
        expect(source.destroyed).toBe(true);
      }
    });

    it('fails with the error of a source that failed before anybody read', async () => {
      const source = new Readable({ read: () => undefined });
      const packed = new GzipCompressor(open).compress(source);
      source.destroy(new Error('disk on fire'));
      await sleep(5);
      await expect(buffer(packed)).rejects.toThrow('disk on fire');
    });

    it('destroys the source when it is destroyed: unread, half read, and while the source is silent', async () => {
      for (const limit of [0, BLOCK, Infinity]) {
        const { source } = counted(limit);
        const packed = new GzipCompressor(open).compress(source);
        if (limit > 0) await packed[Symbol.asyncIterator]().next();
        if (limit === BLOCK) packed.read(0);
        await sleep(5);
        packed.destroy();
        await once(packed, 'close');
        expect(source.destroyed).toBe(true);
      }
    });

    it('destroys the source with an error of its own reader', async () => {
      const { source } = counted();
      const packed = new GzipCompressor(open).compress(source);
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
      const failing: Gate = async () => {
        await sleep(2);
        throw new Error('no more memory');
      };
      await expect(buffer(new GzipCompressor(failing).compress(counted().source))).rejects.toThrow('no more memory');
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
    const compressor = new GzipCompressor(open);
    for (const source of [own, pooled]) {
      const packed = await buffer(compressor.compress(Readable.from(source, { objectMode: false })));
      expect(gunzipSync(packed).equals(content)).toBe(true);
    }
    expect(Buffer.concat(own).equals(content)).toBe(true);
    expect(pooled.map((bytes) => bytes.buffer)).toContain(buffers.take().buffer);
  });
});
