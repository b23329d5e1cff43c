import { describe, expect, it, jest } from '@jest/globals';
import { getMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { TogetherOrNone } from '../../lib/transfer/together-or-none.js';

describe('TogetherOrNone', () => {
  it('gives the results in the order of the tasks', async () => {
    const together = new TogetherOrNone(undefined);
    const slow = () => delay(5).then(() => 'slow');
    await expect(together.run([slow, () => Promise.resolve('fast')])).resolves.toEqual(['slow', 'fast']);
  });

  it('gives no results for no tasks', async () => {
    await expect(new TogetherOrNone(undefined).run([])).resolves.toEqual([]);
  });

  describe('when a task fails', () => {
    const failure = new Error('first');
    /** Fails with the reason once it is aborted. */
    const listener = (together: TogetherOrNone) => () =>
      new Promise<never>((_, reject) => {
        together.signal.addEventListener('abort', () => reject(new Error('only a consequence')));
      });

    it('aborts the others and throws the first failure', async () => {
      const together = new TogetherOrNone(undefined);
      const tasks = [listener(together), () => delay(5).then(() => Promise.reject(failure)), listener(together)];
      await expect(together.run(tasks)).rejects.toBe(failure);
      expect(together.signal.reason).toBe(failure);
    });

    it('throws the failure that came first, not the one of the first task', async () => {
      const together = new TogetherOrNone(undefined);
      const late = () => delay(10).then(() => Promise.reject(new Error('late')));
      await expect(together.run([late, () => Promise.reject(failure)])).rejects.toBe(failure);
    });

    it('waits until every other task has ended', async () => {
      const together = new TogetherOrNone(undefined);
      let hasEnded = false;
      const stubborn = () => delay(20).then(() => (hasEnded = true));
      await expect(together.run<unknown>([stubborn, () => Promise.reject(failure)])).rejects.toBe(failure);
      expect(hasEnded).toBe(true);
    });

    it('starts nothing afterwards', async () => {
      const together = new TogetherOrNone(undefined);
      await together.run([() => Promise.reject(failure)]).catch(() => undefined);
      const task = jest.fn(() => Promise.resolve());
      await expect(together.run([task])).rejects.toBe(failure);
      expect(task).not.toHaveBeenCalled();
    });

    it('treats what a task throws at once as its failure', async () => {
      const together = new TogetherOrNone(undefined);
      const thrower = () => {
        throw failure;
      };
      await expect(together.run([thrower])).rejects.toBe(failure);
    });
  });

  describe('when the caller aborts', () => {
    it('rejects with the reason of the caller, whatever the tasks fail with', async () => {
      const caller = new AbortController();
      const together = new TogetherOrNone(caller.signal);
      const task = () =>
        new Promise<never>((_, reject) => {
          together.signal.addEventListener('abort', () => reject(new Error('only a consequence')));
        });
      const run = together.run([task]);
      caller.abort('enough');
      await expect(run).rejects.toBe('enough');
    });

    it('starts no task when that was before', async () => {
      const task = jest.fn(() => Promise.resolve());
      await expect(new TogetherOrNone(AbortSignal.abort('never')).run([task])).rejects.toBe('never');
      expect(task).not.toHaveBeenCalled();
    });

    it('keeps the results when all tasks had ended well', async () => {
      const caller = new AbortController();
      const together = new TogetherOrNone(caller.signal);
      const task = () => {
        caller.abort('too late');
        return Promise.resolve('done');
      };
      await expect(together.run([task])).resolves.toEqual(['done']);
    });

    it('does not abort the signal of the caller when a task fails', async () => {
      const caller = new AbortController();
      const together = new TogetherOrNone(caller.signal);
      await together.run([() => Promise.reject(new Error('ours'))]).catch(() => undefined);
      expect(caller.signal.aborted).toBe(false);
    });
  });

  it('lets any number of requests listen without a warning of a leak', () => {
    for (const caller of [undefined, new AbortController().signal]) {
      expect(getMaxListeners(new TogetherOrNone(caller).signal)).toBe(Infinity);
    }
  });
});
