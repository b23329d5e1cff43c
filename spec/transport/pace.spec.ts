import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Pace } from '../../lib/transport/pace.js';

describe('Pace', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  function start(pace: Pace, count: number, started: string[], name = ''): void {
    for (let i = 0; i < count; i++) void pace.turn(undefined).then(() => started.push(`${name}${i}`));
  }

  it('lets the first one go at once, and the others evenly, in their order', async () => {
    const started: string[] = [];
    start(new Pace(10), 4, started);
    await jest.advanceTimersByTimeAsync(0);
    expect(started).toEqual(['0']);
    await jest.advanceTimersByTimeAsync(99);
    expect(started).toEqual(['0']);
    await jest.advanceTimersByTimeAsync(1);
    expect(started).toEqual(['0', '1']);
    await jest.advanceTimersByTimeAsync(200);
    expect(started).toEqual(['0', '1', '2', '3']);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('does not make up for a time when nobody came', async () => {
    const pace = new Pace(10);
    await pace.turn(undefined);
    await jest.advanceTimersByTimeAsync(10_000);
    const started: string[] = [];
    start(pace, 5, started);
    await jest.advanceTimersByTimeAsync(200);
    expect(started).toEqual(['0', '1', '2']);
  });

  it('lets a request in every two seconds, if that is what is wanted', async () => {
    const started: string[] = [];
    start(new Pace(0.5), 2, started);
    await jest.advanceTimersByTimeAsync(1999);
    expect(started).toHaveLength(1);
    await jest.advanceTimersByTimeAsync(1);
    expect(started).toHaveLength(2);
  });

  it('gives the turn of whoever leaves to the next one, and keeps no timer for nobody', async () => {
    const pace = new Pace(1);
    await pace.turn(undefined);
    const abort = new AbortController();
    const left = Array.from({ length: 100 }, () => pace.turn(abort.signal).catch((reason: unknown) => reason));
    const started: string[] = [];
    start(pace, 1, started, 'last ');
    abort.abort('enough');
    expect(new Set(await Promise.all(left))).toEqual(new Set(['enough']));
    await jest.advanceTimersByTimeAsync(1000);
    expect(started).toEqual(['last 0']);
    const alone = new AbortController();
    const waiting = pace.turn(alone.signal).catch((reason: unknown) => reason);
    expect(jest.getTimerCount()).toBe(1);
    alone.abort('enough');
    await expect(waiting).resolves.toBe('enough');
    expect(jest.getTimerCount()).toBe(0);
    await expect(pace.turn(alone.signal)).rejects.toBe('enough');
  });
});
