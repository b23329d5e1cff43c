import { describe, expect, it } from '@jest/globals';
import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { collect } from '../../lib/index.js';
import { mapConcurrently } from '../../lib/transfer/map-concurrently.js';

async function* numbers(count: number, log: string[] = []): AsyncGenerator<number> {
  try {
    for (let i = 0; i < count; i++) {
      await sleep(0);
      log.push(`take ${i}`);
      yield i;
    }
  } finally {
    log.push('closed');
  }
}

describe('mapConcurrently', () => {
  it('gives a result for every item, in the order they arrive', async () => {
    const ended = Array.from({ length: 4 }, () => new EventEmitter());
    const ends = ended.map((item) => once(item, 'end'));
    // Each waits for the one behind it, however long the machine takes to start that.
    const work = async (i: number): Promise<number> => {
      await ends[i + 1];
      ended[i]!.emit('end');
      return i;
    };
    const results = await collect(mapConcurrently(numbers(4), 4, work));
    expect(results).toEqual([3, 2, 1, 0]);
  });

  it('works on no more than it may at once', async () => {
    let running = 0;
    let most = 0;
    const work = async (i: number): Promise<number> => {
      most = Math.max(most, ++running);
      await sleep(10);
      running--;
      return i;
    };
    expect((await collect(mapConcurrently(numbers(50), 3, work))).sort((a, b) => a - b)).toEqual([...Array(50).keys()]);
    expect(most).toBe(3);
  });

  it('takes items only as fast as results are taken', async () => {
    const log: string[] = [];
    const results = mapConcurrently(numbers(100, log), 2, (i) => Promise.resolve(i));
    await results.next();
    await sleep(20);
    expect(log.length).toBeLessThan(6);
    await results.return(undefined);
    expect(log).toContain('closed');
  });

  it('fails with the first failure and closes the source', async () => {
    const log: string[] = [];
    const results = mapConcurrently(numbers(100, log), 4, async (i) => {
      if (i === 2) throw new Error('not this one');
      return sleep(5, i);
    });
    await expect(collect(results)).rejects.toThrow('not this one');
    expect(log).toContain('closed');
  });

  it('fails with the failure of the source', async () => {
    async function* broken(): AsyncGenerator<number> {
      yield await Promise.resolve(1);
      throw new Error('no more');
    }
    await expect(collect(mapConcurrently(broken(), 2, (i) => Promise.resolve(i)))).rejects.toThrow('no more');
  });

  it('gives nothing for nothing', async () => {
    expect(await collect(mapConcurrently(numbers(0), 2, (i) => Promise.resolve(i)))).toEqual([]);
  });
});
