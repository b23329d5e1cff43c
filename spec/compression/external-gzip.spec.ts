import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import { crc32, gunzipSync, gzipSync } from 'node:zlib';
import { ExternalGzip } from '../../lib/compression/external-gzip.js';
import type { GzipProgram } from '../../lib/compression/gzip-programs.js';
import { buffers, POOLED } from '../../lib/oci/buffer-pool.js';
import { noise, text, toBuffer } from '../support/content.js';
import { FakePrograms } from '../support/fake-programs.js';
import { failureOf } from '../support/failure.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

const PLAIN = toBuffer(text(3 * POOLED + 77));
const SMALL = PLAIN.subarray(0, 10_000);
const PATIENCE = 60_000;
/** What a message ends with. */
const HINT = ". Repair it, or do without it: compressor: 'builtin', --compressor builtin.";

const folders = new TemporaryFolders();
let folder = '';
/** Gzip of SMALL. */
let right = '';
beforeAll(async () => {
  folder = await folders.make();
  right = await file('right.gz', gzipSync(SMALL));
});
afterAll(() => folders.remove());

async function file(name: string, content: Buffer | string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

/** A program that starts at once. @param values - its `$1`, `$2`, … */
function sh(script: string, ...values: string[]): GzipProgram {
  return { path: '/bin/sh', args: ['-c', script, 'sh', ...values] };
}

function packedBy(program: GzipProgram, source: Readable = Readable.from([SMALL]), patience?: number): Readable {
  return new ExternalGzip(program, patience).compress(source);
}

/** What the message of its failure begins with; the layer is not read on. */
async function failureBy(program: GzipProgram, source = Readable.from([SMALL])): Promise<string> {
  const error = await failureOf(buffer(packedBy(program, source)));
  expect(source.destroyed).toBe(true);
  expect(error).toMatchObject({ code: 'COMPRESSOR_FAILED', retryable: true });
  return withoutHint(error.message);
}

function withoutHint(message: string): string {
  return message.endsWith(HINT) ? message.slice(0, -HINT.length) : `no hint: ${message}`;
}

/** A layer that gives what it is told, when it is told. */
function layer(...chunks: readonly Buffer[]): Readable {
  const source = new Readable({ read: () => undefined });
  for (const chunk of chunks) source.push(chunk);
  return source;
}

function inChunks(bytes: Buffer, size: number): Readable {
  const count = Math.ceil(bytes.length / size);
  return Readable.from(Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size)));
}

/** Like `until`, when time is not real. */
async function real(condition: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited in vain: ${String(condition)}`);
    await turn();
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The number a program wrote into a file, once it is there. */
async function pidIn(path: string): Promise<number> {
  const read = (): string => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return '';
    }
  };
  await real(() => read().endsWith('\n'));
  return Number(read());
}

describe('ExternalGzip', () => {
  describe('with a program that does what it should', () => {
    const PACK = 'process.stdin.pipe(require("node:zlib").createGzip({ level: 1 })).pipe(process.stdout);';
    let programs: FakePrograms;
    beforeEach(() => {
      programs = new FakePrograms();
    });
    afterEach(() => {
      programs.remove();
      delete process.env.GZIP;
      delete process.env.PIGZ;
    });

    it.each([
      ['large chunks', POOLED],
      ['small chunks', 5000],
    ])('makes gzip that unpacks to the layer and ends with its checksum and size, of %s', async (_, size) => {
      programs.add('igzip', PACK);
      const program = { path: join(programs.folder, 'igzip'), args: [] };
      const packed = await buffer(packedBy(program, inChunks(PLAIN, size)));
      expect(gunzipSync(packed).equals(PLAIN)).toBe(true);
      expect(packed.readUInt32LE(packed.length - 8)).toBe(crc32(PLAIN));
      expect(packed.readUInt32LE(packed.length - 4)).toBe(PLAIN.length);
    });

    it('passes on all that is packed, when that is much', async () => {
      const dense = toBuffer(noise(2 * POOLED + 5));
      const packed = await file('dense.gz', gzipSync(dense));
      const out = await buffer(packedBy(sh('cat >/dev/null; cat "$1"', packed), inChunks(dense, POOLED)));
      expect(out.equals(readFileSync(packed))).toBe(true);
    });

    it('says that it makes gzip', () => {
      expect(new ExternalGzip(sh('')).packing).toBe('gzip');
    });

    it('gives it the arguments as they are and what our environment says, but no options by it, and asks no shell', async () => {
      const strange = join(programs.folder, 'a b; touch hacked; $(touch hacked)');
      await mkdir(strange);
      const script = `const { GZIP, PIGZ, SPEC_VALUE } = process.env; say(JSON.stringify([args, GZIP, PIGZ, SPEC_VALUE]));`;
      programs.add('a b; touch hacked; $(touch hacked)/i gzip', script + PACK);
      [process.env.GZIP, process.env.PIGZ, process.env.SPEC_VALUE] = ['-9', '-9', 'kept'];
      const args = ['-1', '; touch hacked', '$HOME', '*', ''];
      const packed = await buffer(packedBy({ path: join(strange, 'i gzip'), args }));
      delete process.env.SPEC_VALUE;
      expect(gunzipSync(packed).equals(SMALL)).toBe(true);
      expect(JSON.parse(readFileSync(join(strange, 'log'), 'utf8'))).toEqual([args, null, null, 'kept']);
      expect(await readdir(strange)).toEqual(['i gzip', 'log']);
      expect(process.env.GZIP).toBe('-9');
    });

    it('packs a layer of nothing', async () => {
      const nothing = await file('nothing.gz', gzipSync(Buffer.alloc(0)));
      const packed = await buffer(packedBy(sh('cat >/dev/null; cat "$1"', nothing), Readable.from([])));
      expect(gunzipSync(packed)).toHaveLength(0);
    });

    it('lets it complain when all is well', async () => {
      const packed = await buffer(packedBy(sh('cat >/dev/null; echo careful >&2; cat "$1"', right)));
      expect(gunzipSync(packed).equals(SMALL)).toBe(true);
    });

    it('starts nothing before somebody reads', async () => {
      const started = join(folder, 'started early');
      const packed = packedBy(sh('echo $$ >"$1"', started));
      await turn();
      packed.destroy();
      await real(() => packed.closed);
      expect(await readdir(folder)).not.toContain('started early');
    });
  });

  describe('with a program that', () => {
    const not = 'wrote something that is not gzip, or gzip with a name or a time in it';
    const other = 'wrote gzip that is not the layer';
    const header = (flags: number, time: number) => [0x1f, 0x8b, 8, flags, time, 0, 0, 0, 0, 3];
    const body = gzipSync(SMALL).subarray(10);

    it.each<[what: string, script: string, problem: string, content?: Buffer]>([
      ['ends with 3', 'cat >/dev/null; exit 3', 'ended with 3'],
      ['ends with 3 after all was right', 'cat >/dev/null; cat "$1"; exit 3', 'ended with 3'],
      ['ends with 3 before it has read', 'exit 3', 'ended with 3'],
      ['is killed', 'kill -9 $$', 'ended with SIGKILL'],
      ['is ended by a signal', 'cat >/dev/null; cat "$1"; kill -TERM $$', 'ended with SIGTERM'],
      ['writes nothing', 'cat >/dev/null', not],
      ['writes no gzip', 'cat', not],
      ['writes half', 'cat >/dev/null; cat "$1"', other, gzipSync(SMALL).subarray(0, 1000)],
      ['writes gzip of other bytes', 'cat >/dev/null; cat "$1"', other, gzipSync('other bytes')],
      ['writes more', 'cat >/dev/null; cat "$1" "$1"; echo', other],
      [
        'names a file in the header',
        'cat >/dev/null; cat "$1"',
        not,
        Buffer.concat([Buffer.from(header(8, 0)), Buffer.from('name\0'), body]),
      ],
      ['has a time in the header', 'cat >/dev/null; cat "$1"', not, Buffer.concat([Buffer.from(header(0, 9)), body])],
    ])('%s, it fails and says so', async (_, script, problem, ...[content]) => {
      const path = content ? await file('given.gz', content) : right;
      expect(await failureBy(sh(script, path))).toBe(`/bin/sh ${problem}`);
    });

    it('reads only a part, it fails, though what it wrote was gzip', async () => {
      const source = inChunks(PLAIN, POOLED);
      const message = await failureBy(sh('head -c 10 >/dev/null; cat "$1"', right), source);
      expect(message).toBe('/bin/sh took only a part of the layer');
    });

    it('ends while the layer is waited for, it fails at once', async () => {
      expect(await failureBy(sh('exit 4'), layer(SMALL))).toBe('/bin/sh ended with 4');
    });

    it('cannot be started, it fails and says why', async () => {
      const path = await file('igzip', 'not to be run');
      const messages = [await failureBy({ path, args: [] })];
      messages.push(await failureBy({ path: join(folder, 'absent'), args: [] }));
      messages.push(await failureBy({ path: join(folder, 'right.gz\0'), args: [] }));
      expect(messages).toEqual([
        expect.stringMatching(/igzip could not be started: .*EACCES/),
        expect.stringMatching(/absent could not be started: .*ENOENT/),
        expect.stringMatching(/could not be started: .*null bytes/),
      ]);
    });

    it('says why, its first line is in the message', async () => {
      const script = 'cat >/dev/null; printf "\\n no room \\nand more\\n" >&2; exit 1';
      expect(await failureBy(sh(script))).toBe('/bin/sh ended with 1: no room ');
    });

    it('says what would change a terminal, it is made visible', async () => {
      const script = `cat >/dev/null; printf 'a\\033[31m\\007b\\r\\342\\200\\256c' >&2; exit 1`;
      const message = await failureBy(sh(script));
      expect(message).toBe('/bin/sh ended with 1: a\\u001b[31m\\u0007b\\u000d\\u202ec');
    });

    it('says very much, the message stays short', async () => {
      const noisy = sh('cat >/dev/null; head -c 300000 /dev/zero | tr "\\0" x >&2; exit 1');
      const message = await failureBy(noisy);
      expect(message).toBe(`/bin/sh ended with 1: ${'x'.repeat(200)}…`);
    });
  });

  describe('patience', () => {
    beforeEach(() => {
      jest.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] } as never);
    });
    afterEach(() => {
      jest.useRealTimers();
    });

    /** Starts to read; `state` says how it ended. */
    function reading(packed: Readable): { state: string; bytes: Buffer } {
      const outcome = { state: 'open', bytes: Buffer.alloc(0) };
      buffer(packed).then(
        (bytes) => Object.assign(outcome, { state: 'done', bytes }),
        ({ message }: Error) => (outcome.state = withoutHint(message)),
      );
      return outcome;
    }

    /** Is given up now, and not a millisecond sooner. */
    async function expectPatience(outcome: { state: string }): Promise<void> {
      await jest.advanceTimersByTimeAsync(PATIENCE - 1);
      for (let i = 0; i < 20; i++) await turn();
      expect(outcome.state).toBe('open');
      await jest.advanceTimersByTimeAsync(1);
      await real(() => outcome.state !== 'open');
      expect(outcome.state).toBe('/bin/sh gave nothing for 60 s');
    }

    it('ends with a program that has all of the layer and gives nothing', async () => {
      const path = join(folder, 'silent');
      const outcome = reading(
        packedBy(sh('cat >/dev/null; echo $$ >"$1"; exec sleep 1000', path), undefined, PATIENCE),
      );
      const pid = await pidIn(path);
      await jest.advanceTimersByTimeAsync(PATIENCE - 1);
      expect(outcome.state).toBe('open');
      await jest.advanceTimersByTimeAsync(1);
      await real(() => outcome.state !== 'open' && !isAlive(pid));
      expect(outcome.state).toBe('/bin/sh gave nothing for 60 s');
    });

    it('ends with a program that does not read', async () => {
      const path = join(folder, 'full');
      const source = inChunks(PLAIN, POOLED);
      const outcome = reading(packedBy(sh('echo $$ >"$1"; exec sleep 1000', path), source, PATIENCE));
      const pid = await pidIn(path);
      await jest.advanceTimersByTimeAsync(PATIENCE);
      await real(() => outcome.state !== 'open' && !isAlive(pid));
      expect(outcome.state).toBe('/bin/sh gave nothing for 60 s');
      expect(source.destroyed).toBe(true);
    });

    it('ends with a program that has closed its output and does not end', async () => {
      const path = join(folder, 'closed');
      const script = 'cat >/dev/null; cat "$2"; exec >&-; echo $$ >"$1"; exec sleep 1000';
      const packed = packedBy(sh(script, path, right), undefined, PATIENCE);
      const outcome = reading(packed);
      const pid = await pidIn(path);
      // So that the end of its output is known.
      for (let i = 0; i < 50; i++) await turn();
      await jest.advanceTimersByTimeAsync(PATIENCE);
      await real(() => outcome.state !== 'open' && !isAlive(pid));
      expect(outcome.state).toBe('/bin/sh gave nothing for 60 s');
    });

    it.each([
      ['all of its pipes', 'sleep 1000 & echo $! >"$1"'],
      ['the one for complaints', 'cat >/dev/null; cat "$2"; sleep 1000 >/dev/null & echo $! >"$1"'],
    ])('ends though a process that the program left behind holds %s', async (_, script) => {
      const path = await file('left', '');
      const outcome = reading(packedBy(sh(script, path, right), undefined, PATIENCE));
      const pid = await pidIn(path);
      try {
        for (let i = 0; i < 50; i++) await turn();
        await jest.advanceTimersByTimeAsync(PATIENCE);
        await real(() => outcome.state !== 'open');
        expect(outcome.state).toBe('/bin/sh gave nothing for 60 s');
      } finally {
        process.kill(pid, 'SIGKILL');
      }
    });

    it('has no end while the layer is slow, and begins anew when it is there', async () => {
      const [source, path] = [layer(SMALL.subarray(0, 5000)), join(folder, 'slow')];
      const script = 'head -c 5000 >/dev/null; echo $$ >"$1"; cat >/dev/null; echo $$ >"$2"; read x <"$3"; cat "$4"';
      const gate = await file('gate', '');
      const outcome = reading(packedBy(sh(script, path, `${path} end`, gate, right), source, PATIENCE));
      await pidIn(path);
      await jest.advanceTimersByTimeAsync(10.5 * PATIENCE);
      expect(outcome.state).toBe('open');
      source.push(SMALL.subarray(5000));
      source.push(null);
      await real(() => outcome.state !== 'open');
      expect(outcome.state).toBe('done');
      expect(gunzipSync(outcome.bytes).equals(SMALL)).toBe(true);
    });

    it('counts from when the layer came, however late that was', async () => {
      const [source, path] = [layer(SMALL.subarray(0, 5000)), join(folder, 'late')];
      const script = 'head -c 5000 >/dev/null; echo $$ >"$1"; cat >/dev/null; echo $$ >"$2"; exec sleep 1000';
      const outcome = reading(packedBy(sh(script, path, `${path} end`), source, PATIENCE));
      await pidIn(path);
      await jest.advanceTimersByTimeAsync(PATIENCE - 1);
      source.push(SMALL.subarray(5000));
      source.push(null);
      await pidIn(`${path} end`);
      await expectPatience(outcome);
    });

    it('counts from when there was more than the program takes', async () => {
      const [source, path] = [layer(), join(folder, 'more')];
      const outcome = reading(packedBy(sh('echo $$ >"$1"; exec sleep 1000', path), source, PATIENCE));
      await pidIn(path);
      await jest.advanceTimersByTimeAsync(PATIENCE - 1);
      // One that the program does not take, and one that waits for that.
      for (const at of [0, POOLED]) {
        source.push(PLAIN.subarray(at, at + POOLED));
        for (let i = 0; i < 20; i++) await turn();
      }
      await expectPatience(outcome);
    });

    it('has no end while nobody takes what is packed', async () => {
      const dense = toBuffer(noise(2 * POOLED));
      const packed = await file('much.gz', gzipSync(dense));
      const stream = packedBy(sh('cat >/dev/null; cat "$1"', packed), Readable.from([dense]), PATIENCE);
      const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
      const parts = [(await chunks.next()).value as Buffer];
      await jest.advanceTimersByTimeAsync(10.5 * PATIENCE);
      for (let next = await chunks.next(); !next.done; next = await chunks.next()) parts.push(next.value);
      expect(Buffer.concat(parts).equals(readFileSync(packed))).toBe(true);
    });

    it('keeps no timer when it is over', async () => {
      await buffer(packedBy(sh('cat >/dev/null; cat "$1"', right)));
      await failureBy(sh('exit 3'));
      expect(jest.getTimerCount()).toBe(0);
    });
  });

  describe('an end from outside', () => {
    it('is an error of the layer, which is the error of the stream and ends the process', async () => {
      const [source, path] = [layer(SMALL), join(folder, 'layer fails')];
      const result = buffer(packedBy(sh('echo $$ >"$1"; exec cat', path), source));
      result.catch(() => undefined);
      const pid = await pidIn(path);
      const fault = new Error('the archive broke');
      source.destroy(fault);
      await expect(result).rejects.toBe(fault);
      await real(() => !isAlive(pid));
    });

    it('is an error the layer had before anybody read', async () => {
      const source = layer(SMALL);
      const packed = packedBy(sh('exec cat >/dev/null'), source);
      const fault = new Error('the archive broke');
      source.destroy(fault);
      await turn();
      await expect(buffer(packed)).rejects.toBe(fault);
    });

    it.each([
      ['waits for the layer', 'exec cat >/dev/null'],
      ['has left a process behind that holds its pipes', 'sleep 3 & exec cat >/dev/null'],
    ])('is the end of the stream, which ends the layer and a program that %s', async (_, script) => {
      const [source, path] = [layer(SMALL), join(folder, 'destroyed')];
      await file('destroyed', '');
      const packed = packedBy(sh(`echo $$ >"$1"; ${script}`, path), source);
      packed.resume();
      const pid = await pidIn(path);
      packed.destroy();
      await real(() => packed.closed && !isAlive(pid));
      expect(source.destroyed).toBe(true);
    });
  });

  describe('the buffers of a layer', () => {
    /** Which of them the pool has now. */
    async function givenBack(chunks: readonly Buffer[]): Promise<number> {
      const memory = chunks.map(({ buffer }) => buffer);
      const plain = Buffer.concat(chunks);
      const packed = await file('pool.gz', gzipSync(plain));
      const out = await buffer(packedBy(sh('cat >/dev/null; cat "$1"', packed), Readable.from(chunks)));
      expect(gunzipSync(out).equals(plain)).toBe(true);
      const free = Array.from({ length: 40 }, () => buffers.take());
      return memory.filter((one) => free.some(({ buffer }) => buffer === one)).length;
    }

    it('go back to the pool when they came from there, and only then', async () => {
      const pooled = Array.from({ length: 3 }, (_, i) => buffers.take().fill(i));
      const others = Array.from({ length: 3 }, (_, i) => Buffer.from(new ArrayBuffer(POOLED)).fill(i));
      expect([await givenBack(pooled), await givenBack(others)]).toEqual([3, 0]);
    });
  });
});
