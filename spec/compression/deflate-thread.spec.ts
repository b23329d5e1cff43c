import { afterEach, describe, expect, it } from '@jest/globals';
import { DeflateEngine } from '../../lib/compression/deflate-engine.js';
import { DeflateThread } from '../../lib/compression/deflate-thread.js';
import { noise, text, toBuffer } from '../support/content.js';
import { until } from '../support/test-server.js';

describe('DeflateThread', () => {
  const engine = new DeflateEngine();
  const started: DeflateThread[] = [];
  afterEach(() => started.splice(0).forEach((thread) => thread.stop()));

  function start(): DeflateThread {
    const thread = new DeflateThread(engine);
    started.push(thread);
    return thread;
  }

  const blocks = [
    toBuffer(text(1024 * 1024)),
    Buffer.alloc(0),
    toBuffer(noise(1024 * 1024)),
    Buffer.from('a few bytes'),
    Buffer.alloc(300_000, 'word '),
  ];

  it('makes the bytes that are made on this thread, in both slots, one after another', async () => {
    const thread = start();
    for (const slot of [0, 1, 0]) {
      for (const block of blocks) {
        expect((await thread.deflate(slot, block)).equals(engine.deflate(block))).toBe(true);
      }
    }
  });

  it('makes them in both slots at once', async () => {
    const thread = start();
    for (let i = 0; i < blocks.length; i += 1) {
      const two = [blocks[i]!, blocks[(i + 1) % blocks.length]!];
      const work = Promise.all(two.map((block, slot) => thread.deflate(slot, block)));
      expect(thread.load).toBe(2);
      for (const [slot, packed] of (await work).entries()) expect(packed.equals(engine.deflate(two[slot]!))).toBe(true);
      expect(thread.load).toBe(0);
    }
  });

  it('has taken the block when it returns: its bytes may be others by then', async () => {
    const block = Buffer.from(blocks[0]!);
    const packed = start().deflate(0, block);
    block.fill(0);
    expect((await packed).equals(engine.deflate(blocks[0]!))).toBe(true);
  });

  it('fails blocks that are under way when it ends, and those that come later', async () => {
    const thread = start();
    const work = Promise.allSettled([thread.deflate(0, blocks[0]!), thread.deflate(1, blocks[2]!)]);
    thread.stop();
    expect((await work).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect([thread.isLost, thread.load]).toEqual([true, 0]);
    await expect(thread.deflate(0, blocks[0]!)).rejects.toThrow('the thread has ended');
  });

  it('knows that it ended while it had nothing to do', async () => {
    const thread = start();
    await thread.deflate(0, blocks[3]!);
    expect(thread.isLost).toBe(false);
    thread.stop();
    await until(() => thread.isLost, 'the thread to end');
  });

  it('fails with what went wrong there', async () => {
    const broken = Object.assign(Object.create(engine) as DeflateEngine, { module: {} });
    const thread = new DeflateThread(broken);
    await expect(thread.deflate(0, blocks[0]!)).rejects.toThrow('WebAssembly.Instance()');
    expect(thread.isLost).toBe(true);
  });
});
