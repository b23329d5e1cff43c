import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
import { BufferSource } from '../../lib/archive/buffer-source.js';
import { PackedSource } from '../../lib/archive/packed-source.js';
import { TarReadError } from '../../lib/errors.js';
import { noise, toBuffer } from '../support/content.js';
import { bytesOf, CountingSource, errorOf } from './reading.js';

const PLAIN = toBuffer(noise(3_000_000));

function packed(bytes: Buffer = gzipSync(PLAIN, { level: 1 })): { source: PackedSource; stored: CountingSource } {
  const stored = new CountingSource(new BufferSource(bytes));
  return { source: new PackedSource(stored, 'gzip'), stored };
}

function range(position: number, size: number, name = 'layer.tar') {
  return { name, position, size };
}

describe('PackedSource', () => {
  it('is named as the file, and is not for jumping about', () => {
    const { source, stored } = packed();
    expect([source.name, source.randomAccess]).toEqual([stored.name, false]);
  });

  it('reads unpacked bytes, and less at the end', async () => {
    const { source } = packed();
    expect((await source.read(100, 50)).equals(PLAIN.subarray(100, 150))).toBe(true);
    expect((await source.read(2_999_999, 50)).equals(PLAIN.subarray(2_999_999))).toBe(true);
    expect(await source.read(4_000_000, 50)).toHaveLength(0);
    await source.close();
  });

  it('unpacks once for what is read onwards, one by one or as streams', async () => {
    const { source, stored } = packed();
    expect((await source.read(0, 512)).equals(PLAIN.subarray(0, 512))).toBe(true);
    expect((await bytesOf(source.open(range(1000, 500_000)))).equals(PLAIN.subarray(1000, 501_000))).toBe(true);
    expect((await source.read(501_000, 10)).equals(PLAIN.subarray(501_000, 501_010))).toBe(true);
    expect((await bytesOf(source.open(range(2_000_000, 1_000_000)))).equals(PLAIN.subarray(2_000_000))).toBe(true);
    expect(stored.opened).toBe(1);
    await source.close();
  });

  it('starts again to go back', async () => {
    const { source, stored } = packed();
    await source.read(1_000_000, 10);
    expect((await source.read(0, 10)).equals(PLAIN.subarray(0, 10))).toBe(true);
    expect((await source.read(10, 10)).equals(PLAIN.subarray(10, 20))).toBe(true);
    expect(stored.opened).toBe(2);
    await source.close();
  });

  it('gives each of several streams at once its own pass', async () => {
    const { source, stored } = packed();
    const streams = await Promise.all([0, 1_000_000, 500_000].map((at) => bytesOf(source.open(range(at, 400_000)))));
    expect(streams[0]!.equals(PLAIN.subarray(0, 400_000))).toBe(true);
    expect(streams[1]!.equals(PLAIN.subarray(1_000_000, 1_400_000))).toBe(true);
    expect(streams[2]!.equals(PLAIN.subarray(500_000, 900_000))).toBe(true);
    expect(stored.opened).toBe(3);
    await source.close();
  });

  it('reads nothing before somebody reads', async () => {
    const { source, stored } = packed();
    const stream = source.open(range(0, 100));
    stream.destroy();
    await once(stream, 'close');
    expect(stored.opened).toBe(0);
  });

  it('goes on from where a destroyed stream stopped', async () => {
    const { source, stored } = packed();
    const stream = source.open(range(0, 2_900_000));
    await stream[Symbol.asyncIterator]().next();
    stream.destroy();
    await once(stream, 'close');
    expect((await source.read(2_950_000, 10)).equals(PLAIN.subarray(2_950_000, 2_950_010))).toBe(true);
    expect(stored.opened).toBe(1);
    await source.close();
  });

  it('fails where a range goes on behind the end, naming the entry', async () => {
    const { source } = packed();
    const error = await errorOf(bytesOf(source.open(range(2_999_990, 11))));
    expect(error).toBeInstanceOf(TarReadError);
    expect(error.message).toContain('the archive in memory ended inside layer.tar');
    await source.close();
  });

  describe('checkEnd', () => {
    it('reads to the end, in the same pass', async () => {
      const { source, stored } = packed();
      await source.read(0, 512);
      await source.checkEnd();
      expect(stored.opened).toBe(1);
      await source.close();
    });

    it('starts where nothing was read yet', async () => {
      const { source, stored } = packed();
      await source.checkEnd();
      expect(stored.opened).toBe(1);
      await source.close();
    });

    it.each([1, 4, 8, 9, 100])('finds that the last %d bytes are missing', async (missing) => {
      const bytes = gzipSync(PLAIN.subarray(0, 5000));
      const { source } = packed(bytes.subarray(0, bytes.length - missing));
      const error = await errorOf(source.checkEnd());
      expect(error).toBeInstanceOf(TarReadError);
      expect(error.message).toContain('cannot be unpacked: unexpected end of file');
    });

    it('finds a wrong checksum', async () => {
      const bytes = gzipSync(PLAIN.subarray(0, 5000));
      bytes[bytes.length - 8]! ^= 1;
      const { source } = packed(bytes);
      expect((await errorOf(source.checkEnd())).message).toContain('incorrect data check');
    });

    it('does not mind zeros behind the packed bytes, of which tapes and disks add some', async () => {
      const bytes = Buffer.concat([gzipSync(PLAIN.subarray(0, 5000)), Buffer.alloc(1_000_000)]);
      const { source } = packed(bytes);
      await source.checkEnd();
      expect(await source.read(0, 6000)).toHaveLength(5000);
      await source.close();
    });

    it('reads several members as one', async () => {
      const { source } = packed(
        Buffer.concat([0, 1, 2].map((i) => gzipSync(PLAIN.subarray(i * 1000, (i + 1) * 1000)))),
      );
      expect((await source.read(500, 2000)).equals(PLAIN.subarray(500, 2500))).toBe(true);
      await source.checkEnd();
      await source.close();
    });
  });

  it('does not take the end of a failed pass for the end of the tar', async () => {
    const { source, stored } = packed(gzipSync(PLAIN).subarray(0, 1_000_000));
    const first = await errorOf(bytesOf(source.open(range(0, 2_000_000))));
    const second = await errorOf(bytesOf(source.open(range(2_000_000, 100, 'next'))));
    expect([first.message, second.message]).toEqual([
      expect.stringContaining('cannot be unpacked'),
      expect.stringContaining('cannot be unpacked'),
    ]);
    expect(stored.opened).toBe(2);
    await source.close();
  });

  it.each(['xz', 'bzip2'] as const)('says how to unpack %s, which Node cannot', async (packing) => {
    const source = new PackedSource(new BufferSource(Buffer.alloc(100)), packing);
    const error = await errorOf(source.read(0, 1));
    expect(error).toBeInstanceOf(TarReadError);
    expect(error.message).toBe(
      `the archive in memory is packed with ${packing}, which cannot be read here. Unpack it first, with ${packing} -d.`,
    );
  });

  it('does not go back for ever', async () => {
    const { source, stored } = packed();
    const error = await errorOf(async () => {
      for (let i = 0; i < 1000; i++) await source.read(1_000_000 - 100 * i, 50);
    });
    expect(error).toBeInstanceOf(TarReadError);
    expect(error.message).toBe(
      'the archive in memory would have to be unpacked more than 20 times to be read. Unpack it first.',
    );
    expect(stored.opened).toBe(21);
    await source.close();
  });

  it('lets go of everything when it is closed', async () => {
    const { source, stored } = packed();
    const streams = [source.open(range(0, 2_900_000)), source.open(range(5000, 2_900_000))];
    const iterators = streams.map((stream) => stream[Symbol.asyncIterator]());
    for (const iterator of iterators) await iterator.next();
    await source.close();
    const closed = streams.map((stream) => once(stream, 'close'));
    for (const stream of streams) stream.destroy();
    await Promise.all(closed);
    expect(stored.streams.map(({ destroyed }) => destroyed)).toEqual([true, true]);
  });
});
