import { describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { Turns } from '../../lib/embedded/turns.js';

describe('Turns', () => {
  /** Takes turns of some milliseconds each. @returns when which began and ended */
  async function run(...work: readonly (readonly [key: string, name: string, ms: number])[]): Promise<string[]> {
    const turns = new Turns();
    const seen: string[] = [];
    const takeTurn = ([key, name, ms]: readonly [string, string, number]) =>
      turns.take(key, async () => {
        seen.push(`${name} begins`);
        await sleep(ms);
        seen.push(`${name} ends`);
      });
    await Promise.all(work.map(takeTurn));
    return seen;
  }

  it('come one after another under one key, in order', async () => {
    const seen = await run(['key', 'a', 20], ['key', 'b', 1], ['key', 'c', 1]);
    expect(seen).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  it('come at once under different keys', async () => {
    expect(await run(['one', 'a', 20], ['two', 'b', 1])).toEqual(['a begins', 'b begins', 'b ends', 'a ends']);
  });

  it('give back what the work gives, and go on after it failed', async () => {
    const turns = new Turns();
    const failed = turns.take('key', () => Promise.reject(new Error('disk full')));
    const next = turns.take('key', () => Promise.resolve('done'));
    await expect(failed).rejects.toThrow('disk full');
    expect(await next).toBe('done');
  });

  it('are waited for, also those that fail', async () => {
    const turns = new Turns();
    const done: string[] = [];
    const finish = (name: string) => async (): Promise<void> => {
      await sleep(10);
      done.push(name);
    };
    const failed = turns.take('one', () => Promise.reject(new Error('disk full'))).catch(() => done.push('failed'));
    const work = [failed, turns.take('two', finish('second')), turns.take('two', finish('third'))];
    await turns.settle();
    expect(done).toEqual(['failed', 'second', 'third']);
    await Promise.all(work);
  });
});
