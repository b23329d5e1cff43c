import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { sleep, TimeLimit, uncounted } from '../../lib/transport/time-limit.js';

describe('TimeLimit', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });

  afterEach(() => void jest.useRealTimers());

  it('aborts its signal when the time is over', () => {
    const limit = new TimeLimit(1000, undefined);
    jest.advanceTimersByTime(999);
    expect([limit.signal.aborted, limit.isOver]).toEqual([false, false]);
    jest.advanceTimersByTime(1);
    expect([limit.signal.aborted, limit.isOver]).toEqual([true, true]);
  });

  it("aborts its signal for the caller's reason when the caller's is", () => {
    const abort = new AbortController();
    const limit = new TimeLimit(1000, abort.signal);
    abort.abort('enough');
    expect([limit.signal.reason, limit.isOver]).toEqual(['enough', false]);
    limit.end();
  });

  it('is over at once for a caller who has given up already', () => {
    const limit = new TimeLimit(1000, AbortSignal.abort('before'));
    expect([limit.signal.reason, limit.isOver]).toEqual(['before', false]);
    limit.end();
  });

  it('leaves neither a timer nor a listener behind', () => {
    const { signal } = new AbortController();
    const limit = new TimeLimit(1000, signal);
    limit.end();
    expect(jest.getTimerCount()).toBe(0);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

describe('uncounted', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });

  afterEach(() => void jest.useRealTimers());

  const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

  it('stops the clock of the limit behind a signal', async () => {
    const limit = new TimeLimit(1000, undefined);
    await jest.advanceTimersByTimeAsync(600);
    const paused = uncounted(limit.signal, () => pause(5000));
    await jest.advanceTimersByTimeAsync(5000);
    await paused;
    expect(limit.isOver).toBe(false);
    await jest.advanceTimersByTimeAsync(399);
    expect(limit.isOver).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(limit.isOver).toBe(true);
  });

  it('stops it until all of several works are done', async () => {
    const limit = new TimeLimit(1000, undefined);
    const works = [2000, 3000].map((ms) => uncounted(limit.signal, () => pause(ms)));
    await jest.advanceTimersByTimeAsync(3000);
    await Promise.all(works);
    expect(limit.isOver).toBe(false);
    await jest.advanceTimersByTimeAsync(999);
    expect(limit.isOver).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(limit.isOver).toBe(true);
    limit.end();
  });

  it('starts it again when the work fails, and hands the failure on', async () => {
    const limit = new TimeLimit(1000, undefined);
    await expect(uncounted(limit.signal, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await jest.advanceTimersByTimeAsync(1000);
    expect(limit.isOver).toBe(true);
  });

  it('starts nothing for a limit that ended meanwhile', async () => {
    const limit = new TimeLimit(1000, undefined);
    const paused = uncounted(limit.signal, () => pause(100));
    limit.end();
    await jest.advanceTimersByTimeAsync(100);
    await paused;
    expect(jest.getTimerCount()).toBe(0);
  });

  it('just does the work for any other signal, and for none', async () => {
    await expect(uncounted(new AbortController().signal, () => Promise.resolve(1))).resolves.toBe(1);
    await expect(uncounted(undefined, () => Promise.resolve(2))).resolves.toBe(2);
  });
});

describe('sleep', () => {
  it('ends after its time', async () => {
    const start = performance.now();
    await sleep(30, new AbortController().signal);
    expect(performance.now() - start).toBeGreaterThan(25);
  });

  it.each(['enough', new Error('enough')])('ends with the reason of an abort: %s', async (reason) => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(reason), 5);
    await expect(sleep(60_000, abort.signal)).rejects.toBe(reason);
    await expect(sleep(60_000, abort.signal)).rejects.toBe(reason);
  });
});
