import { describe, expect, it } from '@jest/globals';
import { raceSignal, within } from '../../lib/transport/waiting.js';

const never = new Promise<never>(() => undefined);

describe('raceSignal', () => {
  it('gives the result of the work', async () => {
    await expect(raceSignal(Promise.resolve(1), undefined)).resolves.toBe(1);
    await expect(raceSignal(Promise.resolve(2), new AbortController().signal)).resolves.toBe(2);
  });

  it('gives the failure of the work', async () => {
    const failure = new Error('broken');
    await expect(raceSignal(Promise.reject(failure), new AbortController().signal)).rejects.toBe(failure);
  });

  it('rejects with the reason when the signal is aborted later', async () => {
    const controller = new AbortController();
    const waiting = raceSignal(never, controller.signal);
    controller.abort('enough');
    await expect(waiting).rejects.toBe('enough');
  });

  it('rejects with the reason when the signal was aborted before', async () => {
    await expect(raceSignal(Promise.resolve(1), AbortSignal.abort('no'))).rejects.toBe('no');
  });

  it('leaves nothing unhandled when the work fails after the abort', async () => {
    let fail!: (error: Error) => void;
    const waiting = raceSignal(new Promise((_, reject) => (fail = reject)), AbortSignal.abort('no'));
    await expect(waiting).rejects.toBe('no');
    fail(new Error('late'));
    await new Promise((resolve) => setImmediate(resolve));
  });
});

describe('within', () => {
  const late = () => new Error('late');

  it('gives the result of work that is in time', async () => {
    await expect(within(10_000, undefined, () => Promise.resolve('done'), late)).resolves.toBe('done');
  });

  it('gives the failure of work that is in time', async () => {
    await expect(within(10_000, undefined, () => Promise.reject(new Error('own')), late)).rejects.toThrow('own');
  });

  it('rejects with late() when the limit passes, also for work that does not listen', async () => {
    await expect(within(20, undefined, () => never, late)).rejects.toThrow('late');
  });

  it('tells the work through the signal', async () => {
    let seen: AbortSignal | undefined;
    await expect(within(20, undefined, (signal) => ((seen = signal), never), late)).rejects.toThrow('late');
    expect(seen?.aborted).toBe(true);
  });
});
