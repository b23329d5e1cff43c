import { describe, expect, it } from '@jest/globals';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { StreamCursor } from '../../lib/archive/stream-cursor.js';
import { unpacked } from '../../lib/archive/unpacked.js';
import { TarReadError } from '../../lib/errors.js';
import { noise, toBuffer } from '../support/content.js';
import { errorOf } from './reading.js';

function cursorOver(packed: Readable): StreamCursor {
  return new StreamCursor('app.tar.gz', unpacked('app.tar.gz', packed, 'gzip'), 'unpacked');
}

function inPieces(bytes: Buffer, size: number): Readable {
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );
  return Readable.from(pieces, { objectMode: false });
}

describe('StreamCursor', () => {
  const plain = toBuffer(noise(1_000_000));
  const packed = gzipSync(plain);

  it('reads on from where it is', async () => {
    const cursor = cursorOver(inPieces(packed, 1000));
    expect((await cursor.read(10)).equals(plain.subarray(0, 10))).toBe(true);
    expect((await cursor.read(600_000)).equals(plain.subarray(10, 600_010))).toBe(true);
    expect(cursor.position).toBe(600_010);
  });

  it('skips ahead, and no further than the end', async () => {
    const cursor = cursorOver(inPieces(packed, 1000));
    await cursor.skipTo(999_990);
    expect((await cursor.read(100)).equals(plain.subarray(999_990))).toBe(true);
    await cursor.skipTo(Infinity);
    expect([cursor.position, (await cursor.next(1)).length]).toEqual([1_000_000, 0]);
  });

  it('looks ahead without going on', async () => {
    const cursor = cursorOver(inPieces(packed, 1000));
    await cursor.skipTo(100);
    expect((await cursor.peek(300_000)).equals(plain.subarray(100, 300_100))).toBe(true);
    expect(cursor.position).toBe(100);
    expect((await cursor.peek(5)).equals(plain.subarray(100, 105))).toBe(true);
    expect((await cursor.read(10)).equals(plain.subarray(100, 110))).toBe(true);
    await cursor.skipTo(999_990);
    expect((await cursor.peek(100)).equals(plain.subarray(999_990))).toBe(true);
  });

  it('gives as much as it has, up to what is wanted', async () => {
    const cursor = cursorOver(inPieces(packed, 1000));
    const first = await cursor.next(5);
    const second = await cursor.next(Infinity);
    expect([first.length, second.length > 5]).toEqual([5, true]);
    expect(cursor.position).toBe(5 + second.length);
  });

  it('tells that the packed bytes are damaged', async () => {
    const damaged = Buffer.from(packed).fill(0xff, 500_000, 500_100);
    const cursor = cursorOver(inPieces(damaged, 1000));
    const error = await errorOf(cursor.skipTo(Infinity));
    expect(error).toBeInstanceOf(TarReadError);
    expect(error.message).toMatch(/^app\.tar\.gz cannot be unpacked: .+\. The file is damaged or cut short\.$/);
    expect(cursor.hasFailed).toBe(true);
  });

  it('tells that they are cut short', async () => {
    const error = await errorOf(cursorOver(inPieces(packed.subarray(0, 300_000), 1000)).skipTo(Infinity));
    expect(error.message).toContain('cannot be unpacked: unexpected end of file');
  });

  it('passes on why they cannot be read', async () => {
    const cause = new TarReadError('app.tar.gz ended inside the packed tar');
    const failing = new Readable({ read: (): void => void failing.destroy(cause) });
    expect(await errorOf(cursorOver(failing).read(1))).toBe(cause);
  });

  it('tells that a stream which is not packed cannot be read', async () => {
    const cause = new Error('the disk is gone');
    const failing = new Readable({ read: (): void => void failing.destroy(cause) });
    const error = await errorOf(new StreamCursor('the stream', failing, 'read').next(1));
    expect(error).toBeInstanceOf(TarReadError);
    expect(error.message).toBe('the stream cannot be read: the disk is gone');
    expect(error.cause).toBe(cause);
  });

  it('closes what it reads from', async () => {
    const endless = new Readable({ read: (): void => void endless.push(packed.subarray(0, 1000)) });
    const closed = new Promise((resolve) => endless.once('close', resolve));
    const cursor = cursorOver(endless);
    await cursor.read(10);
    cursor.close();
    await closed;
    expect(endless.destroyed).toBe(true);
  });
});
