import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Gate } from '../../lib/transport/gate.js';

describe('Gate', () => {
  beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] }));
  afterEach(() => void jest.useRealTimers());

  const turn = () => new Promise((resolve) => setImmediate(resolve));

  /** Enters so many times, and lists who is through, in order. */
  const enter = (gate: Gate, count: number) => {
    const through: number[] = [];
    const turns = Array.from({ length: count }, async (_, i) => {
      const entered = await gate.enter(undefined);
      through.push(i);
      return entered;
    });
    return { through, turns };
  };

  it('lets one through, and all once it is open', async () => {
    const gate = new Gate();
    const { through } = enter(gate, 3);
    await turn();
    expect(through).toEqual([0]);
    gate.open();
    await turn();
    expect(through).toEqual([0, 1, 2]);
    expect(jest.getTimerCount()).toBe(0);
    await expect(gate.enter(undefined)).resolves.toMatchObject({ isHopeless: false });
  });

  it('lets the next one through when nothing came of the one before', async () => {
    const { through, turns } = enter(new Gate(), 3);
    (await turns[0])?.end();
    await turn();
    expect(through).toEqual([0, 1]);
  });

  it('lets the next one through when the one before gets no answer', async () => {
    const gate = new Gate();
    const { through, turns } = enter(gate, 3);
    await jest.advanceTimersByTimeAsync(5000);
    expect(through).toEqual([0, 1]);
    // What the late one does then is no matter of those behind it.
    (await turns[0])?.end(true);
    await turn();
    expect(through).toEqual([0, 1]);
  });

  it('sends away who has seen two refusals, and nobody who comes later', async () => {
    const gate = new Gate();
    const { through, turns } = enter(gate, 4);
    (await turns[0])?.end(true);
    const second = await turns[1];
    const late = gate.enter(undefined);
    second?.end(true);
    await turn();
    expect(through).toEqual([0, 1, 2, 3]);
    const isHopeless = (await Promise.all(turns)).map((one) => one.isHopeless);
    expect(isHopeless).toEqual([false, false, true, true]);
    await expect(late).resolves.toMatchObject({ isHopeless: false });
  });

  it('can be left while waiting', async () => {
    const gate = new Gate();
    await gate.enter(undefined);
    await expect(gate.enter(AbortSignal.abort('enough'))).rejects.toBe('enough');
  });
});
