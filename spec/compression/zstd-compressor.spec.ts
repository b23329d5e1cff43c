import { describe, expect, it } from '@jest/globals';
import { PassThrough, Readable, type Transform } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import * as zlib from 'node:zlib';
import { ZstdCompressor } from '../../lib/compression/zstd-compressor.js';
import { InvalidArgumentError } from '../../lib/errors.js';
import { text, toBuffer } from '../support/content.js';

const newer = zlib as unknown as { zstdDecompressSync?: (bytes: Buffer) => Buffer };

/** A Node with a zstd that notes what it is asked for, and changes nothing. */
function fakeRuntime() {
  const asked: object[] = [];
  const createZstdCompress = (options: object): Transform => {
    asked.push(options);
    return new PassThrough();
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

  it('asks for level 2 and for no workers, which would cut the content short', () => {
    const { asked, runtime } = fakeRuntime();
    new ZstdCompressor(runtime).compress(Readable.from([])).resume();
    expect(asked).toEqual([{ chunkSize: 262_144, params: { 100: 2 } }]);
  });

  it('says what it makes', () => {
    expect(new ZstdCompressor(fakeRuntime().runtime).packing).toBe('zstd');
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
