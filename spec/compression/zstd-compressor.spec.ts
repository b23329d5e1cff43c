import { describe, expect, it } from '@jest/globals';
import { PassThrough, Readable, Transform } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setImmediate as tick } from 'node:timers/promises';
import * as zlib from 'node:zlib';
import { ZstdCompressor } from '../../lib/compression/zstd-compressor.js';
import { InvalidArgumentError } from '../../lib/errors.js';
import { buffers } from '../../lib/oci/buffer-pool.js';
import { text, toBuffer } from '../support/content.js';

const newer = zlib as unknown as { zstdDecompressSync?: (bytes: Buffer) => Buffer };

/** A Node with a zstd that notes what it is asked for, and changes nothing. */
function fakeRuntime(packing: () => Transform = () => new PassThrough()) {
  const asked: object[] = [];
  const createZstdCompress = (options: object): Transform => {
    asked.push(options);
    return packing();
  };
  return { asked, runtime: { createZstdCompress, constants: { ZSTD_c_compressionLevel: 100 } } };
}

describe('ZstdCompressor', () => {
  it('refuses a Node without zstd, and says which has it', () => {
    const refused = (): unknown => new ZstdCompressor({});
    expect(refused).toThrow(InvalidArgumentError);
    expect(refused).toThrow(/cannot write zstd.*22\.15/s);
  });

  it('makes what this Node unpacks, or refuses where it has no zstd', async () => {
    const layer = toBuffer(text(3_000_000));
    if (!newer.zstdDecompressSync) {
      expect(() => new ZstdCompressor()).toThrow(InvalidArgumentError);
      return;
    }
    const packed = await buffer(new ZstdCompressor().compress(Readable.from([layer])));
    expect(packed.length).toBeLessThan(layer.length / 2);
    expect(newer.zstdDecompressSync(packed).equals(layer)).toBe(true);
  });

  it('asks for level 1 and for no workers, which would cut the content short', () => {
    const { asked, runtime } = fakeRuntime();
    new ZstdCompressor(runtime).compress(Readable.from([])).resume();
    expect(asked).toEqual([{ chunkSize: 1_048_576, params: { 100: 1 } }]);
  });

  it('says what it makes', () => {
    expect(new ZstdCompressor(fakeRuntime().runtime).packing).toBe('zstd');
  });

  it('gives buffers back to the pool once they are packed, and reads the next one meanwhile', async () => {
    const taken: (() => void)[] = [];
    const slow = new Transform({ transform: (_chunk, _encoding, done) => void taken.push(() => done()) });
    const given = [buffers.take(), buffers.take(), buffers.take()] as const;
    const read: Buffer[] = [];
    const layer = Readable.from(
      (function* () {
        for (const bytes of given) {
          read.push(bytes);
          yield bytes;
        }
      })(),
      { highWaterMark: 1 },
    );
    const packed = new ZstdCompressor(fakeRuntime(() => slow).runtime).compress(layer);
    const packing = buffer(packed);
    while (read.length < 3) await tick();
    expect(taken).toHaveLength(1);
    expect(given.map((bytes) => bytes.buffer)).not.toContain(buffers.take().buffer);
    taken.shift()?.();
    await tick();
    expect(buffers.take().buffer).toBe(given[0].buffer);
    for (let i = 0; i < 2; i++) {
      while (taken.length === 0) await tick();
      taken.shift()?.();
    }
    expect(await packing).toHaveLength(0);
  });

  it('fails with the error of the layer', async () => {
    const layer = new Readable({ read: () => undefined });
    const packed = new ZstdCompressor(fakeRuntime().runtime).compress(layer);
    layer.destroy(new Error('disk on fire'));
    await expect(buffer(packed)).rejects.toThrow('disk on fire');
  });

  it('destroys the layer when it is destroyed', async () => {
    const layer = new Readable({ read: () => undefined });
    const packed = new ZstdCompressor(fakeRuntime().runtime).compress(layer);
    packed.destroy();
    await new Promise((resolve) => layer.once('close', resolve));
    expect(layer.destroyed).toBe(true);
  });
});
