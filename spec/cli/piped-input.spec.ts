import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import { buffer, text } from 'node:stream/consumers';
import { PipedInput } from '../../lib/cli/piped-input.js';
import { noise, toBuffer } from '../support/content.js';
import { namedPipe } from '../support/named-pipe.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

const SLOT = 64 * 1024;

describe('PipedInput', () => {
  const folders = new TemporaryFolders();
  let fd: number;
  let writer: number;
  let input: PipedInput;

  beforeEach(async () => {
    ({ reader: fd, writer } = namedPipe(await folders.make()));
    input = new PipedInput(fd);
  });

  afterEach(async () => {
    if (input.closed) return;
    input.destroy();
    await new Promise((resolve) => input.once('close', resolve));
  });

  afterEach(() => folders.remove());

  function write(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) at += writeSync(writer, bytes, at);
  }

  async function next(): Promise<Buffer> {
    for (;;) {
      const chunk = input.read() as Buffer | null;
      if (chunk) return chunk;
      await new Promise((resolve) => input.once('readable', resolve));
    }
  }

  it('gives what comes, to its end', async () => {
    write(Buffer.from('s3cr3t\n'));
    closeSync(writer);
    await expect(text(input)).resolves.toBe('s3cr3t\n');
  });

  it('fills a buffer again that was given back, and no other', async () => {
    const [first, second, third] = [1, 2, 3].map((byte) => Buffer.alloc(SLOT, byte)) as [Buffer, Buffer, Buffer];
    write(first);
    const chunk = await next();
    expect(chunk.equals(first)).toBe(true);
    write(second);
    const kept = await next();
    input.giveBack(chunk);
    // The buffer of the next read is chosen before there is anything to read.
    for (const _ of [1, 2]) {
      write(third);
      expect((await next()).equals(third)).toBe(true);
    }
    expect(chunk.equals(third)).toBe(true);
    expect(kept.equals(second)).toBe(true);
    closeSync(writer);
  });

  it('leaves alone what did not come from it, parts of what did, and what was given back before', async () => {
    write(Buffer.alloc(SLOT, 1));
    const chunk = await next();
    for (const bytes of [Buffer.alloc(SLOT), chunk.subarray(), chunk.subarray(1)]) input.giveBack(bytes);
    for (const byte of [2, 3, 4]) {
      write(Buffer.alloc(SLOT, byte));
      await next();
    }
    expect(chunk.every((byte) => byte === 1)).toBe(true);
    input.giveBack(chunk);
    input.giveBack(chunk);
    const later: Buffer[] = [];
    for (const byte of [5, 6, 7, 8]) {
      write(Buffer.alloc(SLOT, byte));
      later.push(await next());
    }
    expect(later.map((bytes) => bytes[0])).toEqual([5, 6, 7, 8]);
    closeSync(writer);
  });

  it('holds no large buffer for few bytes', async () => {
    const before = process.memoryUsage().arrayBuffers;
    const chunks: Buffer[] = [];
    for (let i = 0; i < 500; i++) {
      write(Buffer.from(`few ${i}`));
      chunks.push(await next());
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100 * SLOT);
    expect(chunks.map(String)).toEqual(Array.from({ length: 500 }, (_, i) => `few ${i}`));
    closeSync(writer);
  });

  it('reads no more than 1 MiB ahead', async () => {
    const bytes = toBuffer(noise(SLOT));
    // It has begun then.
    write(Buffer.alloc(1));
    await next();
    let written = 0;
    const nonBlocking = openSync(`/proc/self/fd/${writer}`, constants.O_WRONLY | constants.O_NONBLOCK);
    for (let refused = 0; refused < 20;) {
      try {
        written += writeSync(nonBlocking, bytes);
      } catch {
        refused += 1;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
    expect(written).toBeLessThanOrEqual(18 * SLOT);
    closeSync(nonBlocking);
    closeSync(writer);
    expect((await buffer(input)).length).toBe(written);
  });

  it('closes the pipe when it is destroyed', async () => {
    write(Buffer.alloc(1));
    await next();
    input.destroy();
    await new Promise((resolve) => input.once('close', resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(() => fstatSync(fd)).toThrow('EBADF');
    expect(() => writeSync(writer, 'more')).toThrow('EPIPE');
    closeSync(writer);
  });
});
