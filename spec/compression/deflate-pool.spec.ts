import { afterEach, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeflateEngine } from '../../lib/compression/deflate-engine.js';
import { DeflatePool, type PoolThread } from '../../lib/compression/deflate-pool.js';
import { DeflateThread } from '../../lib/compression/deflate-thread.js';
import { noise, text, toBuffer } from '../support/content.js';
import { run } from '../support/proc.js';
import { TemporaryFolders } from '../support/temporary-folder.js';
import { until } from '../support/test-server.js';

const LONG = 1_000_000;
const BLOCKS = Array.from({ length: 24 }, (_, i) => {
  const size = i % 5 === 4 ? 100_000 + i : 1024 * 1024;
  return toBuffer(i % 6 === 5 ? noise(size, String(i)) : text(size, String(i)));
});
const own = new DeflateEngine();
const EXPECTED = BLOCKS.map((block) => own.deflate(block));

const same = (packed: readonly Buffer[]) => packed.map((bytes, i) => bytes.equals(EXPECTED[i]!));
const ALL = BLOCKS.map(() => true);

describe('DeflatePool', () => {
  const threads: DeflateThread[] = [];
  afterEach(() => threads.splice(0).forEach((thread) => thread.stop()));

  /** Threads that a spec can reach, and which it ends. */
  function poolOf(most: number, patience = LONG): DeflatePool {
    return new DeflatePool(most, patience, (engine) => {
      threads.push(new DeflateThread(engine));
      return threads.at(-1)!;
    });
  }

  /** A thread that is done when it is told so, in any order. */
  class HeldThread implements PoolThread {
    readonly held: { slot: number; end: () => void }[] = [];
    isLost = false;

    constructor(private readonly engine: DeflateEngine) {}

    get load(): number {
      return this.held.length;
    }

    async deflate(slot: number, block: Buffer): Promise<Buffer> {
      await new Promise<void>((end) => this.held.push({ slot, end }));
      return this.engine.deflate(block);
    }

    end(which = 0): void {
      for (const { end } of this.held.splice(which, 1)) end();
    }

    stop(): void {
      this.isLost = true;
    }
  }

  function heldPool(most: number) {
    const held: HeldThread[] = [];
    const pool = new DeflatePool(most, LONG, (engine) => {
      held.push(new HeldThread(engine));
      return held.at(-1)!;
    });
    return { pool, held };
  }

  it('makes the bytes that are made on this thread, of many blocks at once, each for whom it was', async () => {
    const pool = poolOf(3);
    const streams = [1, 2, 3].map(() => Promise.all(BLOCKS.map((block) => pool.deflate(block))));
    for (const packed of await Promise.all(streams)) expect(same(packed)).toEqual(ALL);
    expect(threads).toHaveLength(3);
    expect(pool.deflateHere(BLOCKS[0]!).equals(EXPECTED[0]!)).toBe(true);
  });

  it('starts none before there is something to do', () => {
    expect(poolOf(2).deflateHere(BLOCKS[0]!).equals(EXPECTED[0]!)).toBe(true);
    expect(threads).toEqual([]);
  });

  it('says how many blocks keep all threads at work', () => {
    expect([1, 4].map((most) => new DeflatePool(most).ahead)).toEqual([2, 5]);
    expect(new DeflatePool().ahead).toBeLessThanOrEqual(5);
  });

  it('gives each thread a block before any has two, never more, and the next one to whoever is done', async () => {
    const { pool, held } = heldPool(2);
    const done: number[] = [];
    const work = [0, 1, 2, 3, 4, 5].map((i) => pool.deflate(BLOCKS[3]!).then(() => done.push(i)));
    const loads = () => held.map(({ load }) => load);
    await until(() => loads().join() === '2,2', 'both threads to be full');
    expect(held.map(({ held: blocks }) => blocks.map(({ slot }) => slot))).toEqual([
      [0, 1],
      [0, 1],
    ]);
    held[1]!.end(1);
    await until(() => done.length === 1 && loads().join() === '2,2', 'the fifth block to be begun');
    expect([done, held[1]!.held.at(-1)!.slot]).toEqual([[3], 1]);
    held[0]!.end();
    await until(() => done.length === 2 && loads().join() === '2,2', 'the sixth block to be begun');
    for (const thread of [...held, ...held]) thread.end();
    await Promise.all(work);
    expect([...done].sort()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(held).toHaveLength(2);
  });

  it('gives a new block to the thread that has less to do', async () => {
    const { pool, held } = heldPool(2);
    const first = [pool.deflate(BLOCKS[3]!), pool.deflate(BLOCKS[3]!)];
    await until(() => held.length === 2 && held.every(({ load }) => load === 1), 'both to be at work');
    held[0]!.end();
    await first[0];
    const next = pool.deflate(BLOCKS[3]!);
    await until(() => held[0]!.load === 1, 'the idle one to be at work');
    for (const thread of held) thread.end();
    await Promise.all([...first, next]);
  });

  describe('when a thread is lost', () => {
    it('loses no block, and goes on with the others', async () => {
      const pool = poolOf(2);
      const work = BLOCKS.map((block) => pool.deflate(block));
      await work[1];
      threads[0]!.stop();
      expect(same(await Promise.all(work))).toEqual(ALL);
      await until(() => threads[0]!.isLost, 'the thread to be lost');
      const again = await Promise.all([...BLOCKS, ...BLOCKS].map((block) => pool.deflate(block)));
      expect([same(again.slice(0, BLOCKS.length)), same(again.slice(BLOCKS.length))]).toEqual([ALL, ALL]);
      expect(threads).toHaveLength(2);
    });

    it('loses none with the last thread, nor of those that wait, and starts others afterwards', async () => {
      const pool = poolOf(2);
      const work = BLOCKS.map((block) => pool.deflate(block));
      for (const thread of threads) thread.stop();
      expect(same(await Promise.all(work))).toEqual(ALL);
      expect(same(await Promise.all(BLOCKS.map((block) => pool.deflate(block))))).toEqual(ALL);
      expect(threads).toHaveLength(4);
    });

    it('sees it when the next block comes, if it ended with nothing to do', async () => {
      const pool = poolOf(1);
      await pool.deflate(BLOCKS[0]!);
      threads[0]!.stop();
      await until(() => threads[0]!.isLost, 'the thread to be lost');
      expect((await pool.deflate(BLOCKS[0]!)).equals(EXPECTED[0]!)).toBe(true);
      expect((await pool.deflate(BLOCKS[1]!)).equals(EXPECTED[1]!)).toBe(true);
      expect(threads).toHaveLength(2);
    });
  });

  describe('where there can be no other thread', () => {
    it('makes them on this one, and asks once', async () => {
      let asked = 0;
      const pool = new DeflatePool(4, LONG, () => {
        asked += 1;
        throw new Error('not allowed');
      });
      expect(same(await Promise.all(BLOCKS.map((block) => pool.deflate(block))))).toEqual(ALL);
      expect(asked).toBe(1);
    });

    it('makes do with as many as there can be', async () => {
      const pool = new DeflatePool(4, LONG, (engine) => {
        if (threads.length === 2) throw new Error('no more');
        threads.push(new DeflateThread(engine));
        return threads.at(-1)!;
      });
      expect(same(await Promise.all(BLOCKS.map((block) => pool.deflate(block))))).toEqual(ALL);
      expect(threads.map(({ isLost }) => isLost)).toEqual([false, false]);
    });
  });

  it('ends threads that have had nothing to do for a while, and starts others when there is', async () => {
    const pool = poolOf(2, 1);
    for (const round of [1, 2, 3]) {
      expect(same(await Promise.all(BLOCKS.map((block) => pool.deflate(block))))).toEqual(ALL);
      await until(() => threads.length === 2 * round && threads.every(({ isLost }) => isLost), 'all threads to end');
    }
  });

  it('ends none while one block is under way', async () => {
    const { pool, held } = heldPool(1);
    const [one, two] = [pool.deflate(BLOCKS[3]!), pool.deflate(BLOCKS[4]!)];
    await until(() => held[0]?.load === 2, 'both to be under way');
    held[0]!.end();
    await one;
    expect(pool['rest']).toBeUndefined();
    held[0]!.end();
    await two;
    expect(pool['rest']?.hasRef()).toBe(false);
    clearTimeout(pool['rest']);
  });
});

describe('the threads of a process', () => {
  const folders = new TemporaryFolders();
  afterEach(() => folders.remove());

  /** Runs with what `npm run build` made, until there is nothing to do any more. */
  const node = (code: string, ...flags: string[]) =>
    run(process.execPath, [
      ...['--disable-warning=ExperimentalWarning', ...flags, '--input-type=module', '-e'],
      `import { DeflatePool, deflatePool } from './dist/compression/deflate-pool.js';
       import { GzipCompressor } from './dist/compression/gzip-compressor.js';
       import { createHash } from 'node:crypto';
       const block = Buffer.alloc(1024 * 1024, 'some words ');
       const digest = (packed) => createHash('sha256').update(packed).digest('hex');
       ${code}`,
    ]);
  const digest = createHash('sha256')
    .update(own.deflate(Buffer.alloc(1024 * 1024, 'some words ')))
    .digest('hex');

  it('keep it alive while they have something to do', async () => {
    const { code, stdout } = await node('deflatePool.deflate(block).then((packed) => console.log(digest(packed)));');
    expect([code, stdout.trim()]).toEqual([0, digest]);
  });

  it('let it end when they have nothing to do, however patient the pool is, and whether they ever had', async () => {
    const { code, stdout } = await node(
      `const pool = new DeflatePool(2, 2 ** 30);
       await pool.deflate(block);
       process.once('beforeExit', () => {
         console.log('ends with threads that had no block');
         void Promise.all([1, 2, 3, 4, 5].map(() => pool.deflate(block)));
         process.once('beforeExit', () => console.log('ends with threads that had some'));
       });`,
    );
    const ends = ['ends with threads that had no block', 'ends with threads that had some'];
    expect([code, stdout.trim().split('\n')]).toEqual([0, ends]);
  });

  it('are done without where the permission model forbids them', async () => {
    const flag = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission';
    const { code, stdout, stderr } = await node(
      `console.log(process.permission.has('worker'), digest(await deflatePool.deflate(block)));`,
      ...[flag, '--allow-fs-read=*'],
    );
    expect([stderr, code, stdout.trim()]).toEqual(['', 0, `false ${digest}`]);
  });

  it('load nothing that this process was told to load', async () => {
    const file = join(await folders.make(), 'loaded.cjs');
    writeFileSync(file, `console.log(require('node:worker_threads').isMainThread)`);
    const { stdout } = await run(
      process.execPath,
      [
        ...['--require', file, '--input-type=module', '-e'],
        `import { deflatePool } from './dist/compression/deflate-pool.js'; await deflatePool.deflate(Buffer.from('x'));`,
      ],
      { env: { NODE_OPTIONS: `--require ${file} --max-old-space-size=100` } },
    );
    expect(stdout.trim().split('\n')).toEqual(['true']);
  });

  it('need WebAssembly, and say so where there is none', async () => {
    const { stdout } = await node(
      `import { Readable } from 'node:stream';
       import { buffer } from 'node:stream/consumers';
       for (const size of [1024, 2 ** 20]) {
         await buffer(new GzipCompressor().compress(Readable.from([block.subarray(0, size)]), size)).catch(
           ({ code, message }) => console.log(code, message),
         );
       }`,
      '--jitless',
    );
    const said =
      'COMPRESSOR_FAILED the built-in gzip needs WebAssembly, which this Node runs without. ' +
      "Leave out --jitless, install igzip, or take compression: 'none'.";
    expect(stdout.trim().split('\n')).toEqual([said, said]);
  });
});
