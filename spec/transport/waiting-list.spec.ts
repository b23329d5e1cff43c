import { describe, expect, it } from '@jest/globals';
import { WaitingList } from '../../lib/transport/waiting-list.js';

describe('WaitingList', () => {
  it('lets them go one by one, in the order they came', async () => {
    const list = new WaitingList();
    const gone: string[] = [];
    const all = ['a', 'b', 'c'].map((name) => list.wait(undefined).then(() => gone.push(name)));
    expect([list.next(), list.next(), list.isEmpty]).toEqual([true, true, false]);
    await Promise.all(all.slice(0, 2));
    expect(gone).toEqual(['a', 'b']);
    expect([list.next(), list.isEmpty, list.next()]).toEqual([true, true, false]);
    await Promise.all(all);
  });

  it('passes over whoever has left', async () => {
    const list = new WaitingList();
    const abort = new AbortController();
    const left = list.wait(abort.signal);
    const stays = list.wait(undefined);
    abort.abort('enough');
    await expect(left).rejects.toBe('enough');
    list.next();
    await expect(stays).resolves.toBeUndefined();
    expect(list.isEmpty).toBe(true);
  });

  it('takes nobody who wanted to leave before', async () => {
    const list = new WaitingList();
    await expect(list.wait(AbortSignal.abort('enough'))).rejects.toBe('enough');
    expect(list.isEmpty).toBe(true);
  });
});
