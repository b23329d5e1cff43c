import { describe, expect, it } from '@jest/globals';
import { InvalidArgumentError } from '../../lib/errors.js';
import { createLimit, TransferSlots } from '../../lib/transfer/limiter.js';

const MIB = 1024 * 1024;

/** Tasks that end when they are told to. */
class Tasks {
  readonly started: string[] = [];
  running = 0;
  most = 0;
  private readonly ends = new Map<string, () => void>();

  task(name: string): () => Promise<string> {
    return async () => {
      this.started.push(name);
      this.running += 1;
      this.most = Math.max(this.most, this.running);
      await new Promise<void>((resolve) => this.ends.set(name, resolve));
      this.running -= 1;
      return name;
    };
  }

  async end(name: string): Promise<void> {
    this.ends.get(name)!();
    await settled();
  }
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('createLimit', () => {
  it('runs as many tasks at once as it is told, and no more', async () => {
    const tasks = new Tasks();
    const limit = createLimit(2);
    const all = ['a', 'b', 'c', 'd'].map((name) => limit(tasks.task(name)));
    await settled();
    expect(tasks.started).toEqual(['a', 'b']);
    await tasks.end('b');
    expect(tasks.started).toEqual(['a', 'b', 'c']);
    for (const name of ['a', 'c', 'd']) await tasks.end(name);
    expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd']);
    expect(tasks.most).toBe(2);
  });

  it('starts the others in the order they came', async () => {
    const order: number[] = [];
    const limit = createLimit(1);
    await Promise.all([1, 2, 3, 4].map((n) => limit(() => Promise.resolve(order.push(n)))));
    expect(order).toEqual([1, 2, 3, 4]);
  });

  it('gives a slot back when a task fails', async () => {
    const limit = createLimit(1);
    await expect(limit(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    await expect(limit(() => Promise.resolve('next'))).resolves.toBe('next');
  });

  it.each([0, -1, 1.5, NaN, Infinity, 1001, '8' as unknown as number])('refuses a concurrency of %p', (concurrency) => {
    expect(() => createLimit(concurrency)).toThrow(InvalidArgumentError);
    expect(() => createLimit(concurrency)).toThrow(
      `the option concurrency is ${concurrency}. It takes a whole number from 1 to 1000.`,
    );
  });

  it.each([1, 1000])('takes a concurrency of %p', (concurrency) => {
    expect(() => createLimit(concurrency)).not.toThrow();
  });
});

describe('TransferSlots', () => {
  const small = { size: MIB - 1, compresses: false };
  const large = { size: MIB, compresses: false };
  const compressed = { size: MIB, compresses: true };

  it('keeps a slot for small contents when large ones fill all they may', async () => {
    const tasks = new Tasks();
    const slots = new TransferSlots({ concurrency: 3 });
    for (const name of ['large 1', 'large 2', 'large 3']) void slots.run(large, tasks.task(name));
    await settled();
    void slots.run(small, tasks.task('small'));
    await settled();
    expect(tasks.started).toEqual(['large 1', 'large 2', 'small']);
  });

  it('gives small contents every slot', async () => {
    const tasks = new Tasks();
    const slots = new TransferSlots({ concurrency: 3 });
    for (const name of ['1', '2', '3', '4']) void slots.run(small, tasks.task(name));
    await settled();
    expect(tasks.started).toEqual(['1', '2', '3']);
  });

  it('compresses no more large contents at once than there are compressors', async () => {
    const tasks = new Tasks();
    const slots = new TransferSlots({ concurrency: 8, compressors: 2 });
    for (const name of ['c1', 'c2', 'c3']) void slots.run(compressed, tasks.task(name));
    void slots.run(large, tasks.task('stored'));
    await settled();
    expect(tasks.started.sort()).toEqual(['c1', 'c2', 'stored']);
    await tasks.end('c1');
    expect(tasks.started).toContain('c3');
  });

  it('does not make small contents wait for a compressor', async () => {
    const tasks = new Tasks();
    const slots = new TransferSlots({ concurrency: 8, compressors: 1 });
    void slots.run(compressed, tasks.task('large'));
    void slots.run({ size: 10, compresses: true }, tasks.task('small'));
    await settled();
    expect(tasks.started.sort()).toEqual(['large', 'small']);
  });

  it('starts contents of one kind in the order they came', async () => {
    const order: string[] = [];
    const slots = new TransferSlots({ concurrency: 2, compressors: 1 });
    const kinds = { large, compressed };
    const run = (kind: keyof typeof kinds, n: number) =>
      slots.run(kinds[kind], () => Promise.resolve(order.push(`${kind} ${n}`)));
    await Promise.all([1, 2, 3].flatMap((n) => [run('compressed', n), run('large', n)]));
    expect(order.filter((name) => name.startsWith('large'))).toEqual(['large 1', 'large 2', 'large 3']);
    expect(order.filter((name) => name.startsWith('comp'))).toEqual(['compressed 1', 'compressed 2', 'compressed 3']);
  });

  it.each([1, 2])('ends every content with %p slots, whatever their mix', async (concurrency) => {
    const slots = new TransferSlots({ concurrency, compressors: 1 });
    let [running, most] = [0, 0];
    const task = async () => {
      most = Math.max(most, (running += 1));
      await settled();
      running -= 1;
    };
    const mix = Array.from({ length: 60 }, (_, i) => [compressed, large, small][i % 3]!);
    await Promise.all(mix.map((content) => slots.run(content, task)));
    expect(most).toBe(concurrency);
  });

  it('gives every slot back when contents fail', async () => {
    const slots = new TransferSlots({ concurrency: 1, compressors: 1 });
    for (const content of [compressed, large, small]) {
      await expect(slots.run(content, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    }
    await expect(slots.run(compressed, () => Promise.resolve('next'))).resolves.toBe('next');
  });

  it('counts small contents apart where there may be more of them, as many as it is told at the time', async () => {
    const tasks = new Tasks();
    let most = 3;
    const slots = new TransferSlots({ concurrency: 1, small: () => most });
    void slots.run(large, tasks.task('large'));
    for (const name of ['1', '2', '3', '4', '5', '6']) void slots.run(small, tasks.task(name));
    await settled();
    expect([...tasks.started].sort()).toEqual(['1', '2', '3', 'large']);
    most = 1;
    for (const name of ['1', '2']) await tasks.end(name);
    expect(tasks.started).toHaveLength(4);
    await tasks.end('3');
    expect(tasks.started.slice(4)).toEqual(['4']);
    most = 2;
    await tasks.end('4');
    expect(tasks.started.slice(4)).toEqual(['4', '5', '6']);
  });
});
