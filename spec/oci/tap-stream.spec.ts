import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { derivedStream, type Tap, tapStream } from '../../lib/oci/tap-stream.js';

const CHUNKS = ['one', 'two', 'three'].map((text) => Buffer.from(text));

function source(): Readable {
  async function* oneByOne(): AsyncGenerator<Buffer> {
    for (const chunk of CHUNKS) {
      // A stream joins chunks that wait in it.
      await sleep(1);
      yield chunk;
    }
  }
  return Readable.from(oneByOne(), { objectMode: false });
}

/** A tap that writes down what it is told. */
function recording(tap: Partial<Tap> = {}): { seen: string[]; tap: Tap } {
  const seen: string[] = [];
  const all: Tap = {
    chunk: (chunk) => void seen.push(chunk.toString()),
    end: () => void seen.push('end'),
    close: () => void seen.push('close'),
    ...tap,
  };
  return { seen, tap: all };
}

describe('tapStream', () => {
  it('passes every byte on and shows every chunk, the end and the close, in this order', async () => {
    const { seen, tap } = recording();
    const tapped = tapStream(source(), tap);
    expect((await buffer(tapped)).toString()).toBe('onetwothree');
    if (!tapped.closed) await once(tapped, 'close');
    expect(seen).toEqual(['one', 'two', 'three', 'end', 'close']);
  });

  it('waits for the tap before it passes a chunk on', async () => {
    let waiting = 0;
    const tap = {
      chunk: async () => {
        waiting += 1;
        await sleep(5);
        waiting -= 1;
      },
    };
    for await (const _chunk of tapStream(source(), tap)) expect(waiting).toBeLessThanOrEqual(1);
    expect(waiting).toBe(0);
  });

  it('passes empty content on', async () => {
    const { seen, tap } = recording();
    expect(await buffer(tapStream(Readable.from([], { objectMode: false }), tap))).toHaveLength(0);
    expect(seen).toContain('end');
  });

  it('passes the last chunk on only after the whole has been verified', async () => {
    const { seen, tap } = recording({ verify: () => void seen.push('verified') });
    const passed: string[] = [];
    for await (const chunk of tapStream(source(), tap)) {
      passed.push(String(chunk));
      seen.push(`passed ${String(chunk)}`);
    }
    expect(passed).toEqual(['one', 'two', 'three']);
    expect(seen.slice(seen.indexOf('verified'))).toEqual(['verified', 'passed three', 'end', 'close']);
  });

  it('keeps the last chunk to itself when the whole is wrong', async () => {
    const passed: string[] = [];
    const reading = async (): Promise<void> => {
      const tap = { chunk: () => {}, verify: () => Promise.reject(new Error('wrong')) };
      for await (const chunk of tapStream(source(), tap)) passed.push(String(chunk));
    };
    await expect(reading()).rejects.toThrow('wrong');
    expect(passed).toEqual(['one', 'two']);
  });

  it('lets a source fail before anybody reads', async () => {
    const broken = source();
    const tapped = tapStream(broken, { chunk: () => {} });
    broken.destroy(new Error('the disk is gone'));
    await sleep(5);
    await expect(buffer(tapped)).rejects.toThrow('the disk is gone');
  });

  it('works with a tap that only looks at chunks', async () => {
    expect((await buffer(tapStream(source(), { chunk: () => {} }))).toString()).toBe('onetwothree');
  });

  describe('when something fails', () => {
    it.each<[string, Partial<Tap>]>([
      ['its look at a chunk', { chunk: () => Promise.reject(new Error('not this one')) }],
      ['its look at the whole', { verify: () => Promise.reject(new Error('not this one')) }],
    ])('fails with the error of the tap, in %s, and closes the source', async (_, broken) => {
      const { seen, tap } = recording(broken);
      const from = source();
      await expect(buffer(tapStream(from, tap))).rejects.toThrow('not this one');
      expect(from.destroyed).toBe(true);
      expect(seen.filter((event) => event === 'close')).toHaveLength(1);
    });

    it('fails with the error of the source, and never says that it ended', async () => {
      const broken = new Readable({ read: () => {} });
      broken.push('one');
      const { seen, tap } = recording();
      const reading = buffer(tapStream(broken, tap));
      setImmediate(() => broken.destroy(new Error('connection lost')));
      await expect(reading).rejects.toThrow('connection lost');
      expect(seen).not.toContain('end');
      expect(seen).toContain('close');
    });

    it('destroys the source when it is destroyed itself, also before anybody has read', async () => {
      const from = new Readable({ read: () => {} });
      const { seen, tap } = recording();
      const tapped = tapStream(from, tap);
      tapped.destroy();
      await once(tapped, 'close');
      expect(from.destroyed).toBe(true);
      expect(seen).toEqual(['close']);
    });
  });
});

describe('derivedStream', () => {
  async function* doubled(from: Readable): AsyncGenerator<Buffer> {
    for await (const chunk of from as AsyncIterable<Buffer>) yield Buffer.concat([chunk, chunk]);
  }

  it('gives what the generator makes of the source', async () => {
    const from = source();
    expect((await buffer(derivedStream(from, doubled(from)))).toString()).toBe('oneonetwotwothreethree');
  });

  it('takes nothing from the source before somebody reads', async () => {
    let reads = 0;
    const from = new Readable({ read: () => void (reads += 1) });
    const derived = derivedStream(from, doubled(from));
    await sleep(5);
    expect(reads).toBe(0);
    derived.destroy();
  });

  it('closes when it is destroyed while the source is silent, and the source with it', async () => {
    const silent = new Readable({ read: () => {} });
    silent.push('one');
    let closed = 0;
    const derived = derivedStream(silent, doubled(silent), () => void (closed += 1));
    await derived[Symbol.asyncIterator]().next();
    derived.read(0);
    await sleep(5);
    derived.destroy();
    await once(derived, 'close');
    expect([silent.destroyed, closed]).toEqual([true, 1]);
  });

  it('fails with the error of the generator, and destroys the source', async () => {
    const from = source();
    async function* failing(): AsyncGenerator<Buffer> {
      yield await Promise.resolve(Buffer.from('x'));
      throw new Error('cannot go on');
    }
    await expect(buffer(derivedStream(from, failing()))).rejects.toThrow('cannot go on');
    expect(from.destroyed).toBe(true);
  });
});
