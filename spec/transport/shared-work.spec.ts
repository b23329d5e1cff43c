import { describe, expect, it } from '@jest/globals';
import { SharedWork } from '../../lib/transport/shared-work.js';

function setUp() {
  let finish!: (result: string | Error) => void;
  let signal!: AbortSignal;
  const work = new SharedWork<string>((given) => {
    signal = given;
    return new Promise((resolve, reject) => {
      finish = (result) => (result instanceof Error ? reject(result) : resolve(result));
    });
  });
  return { work, signal, finish };
}

describe('SharedWork', () => {
  it('gives its result to all who wait, and to those who come later', async () => {
    const { work, finish, signal } = setUp();
    const all = [work.wait(undefined), work.wait(new AbortController().signal)];
    finish('done');
    await expect(Promise.all(all)).resolves.toEqual(['done', 'done']);
    await expect(work.wait(undefined)).resolves.toBe('done');
    expect([signal.aborted, work.isAbandoned]).toEqual([false, false]);
  });

  it('gives its failure to all who wait', async () => {
    const { work, finish, signal } = setUp();
    const all = [work.wait(undefined), work.wait(undefined)];
    finish(new Error('own'));
    expect((await Promise.allSettled(all)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(signal.aborted).toBe(false);
  });

  it('goes on as long as somebody waits, and ends when nobody does', async () => {
    const { work, signal } = setUp();
    const [first, second] = [new AbortController(), new AbortController()];
    const waiting = [first, second].map((one) => work.wait(one.signal));
    first.abort('first');
    await expect(waiting[0]).rejects.toBe('first');
    expect([signal.aborted, work.isAbandoned]).toEqual([false, false]);
    second.abort('second');
    await expect(waiting[1]).rejects.toBe('second');
    expect([signal.aborted, work.isAbandoned]).toEqual([true, true]);
  });
});
