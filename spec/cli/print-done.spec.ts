import { beforeEach, describe, expect, it } from '@jest/globals';
import { printDone } from '../../lib/cli/print-done.js';
import { FakeIo } from './fake-io.js';

describe('printDone', () => {
  let io: FakeIo;
  /** What had been printed before each step. */
  let before: string[];
  beforeEach(() => {
    io = new FakeIo();
    before = [];
  });

  async function* steps(failAt?: number) {
    for (const step of [1, 2, 3]) {
      await Promise.resolve();
      if (step === failAt) throw new Error('no');
      before.push(io.out);
      yield step;
    }
  }

  function print(json: boolean, failAt?: number): Promise<void> {
    return printDone(steps(failAt), (step) => `step ${step}`, { json }, io);
  }

  it('prints each thing before the next one begins', async () => {
    await print(false);
    expect(before).toEqual(['', 'step 1\n', 'step 1\nstep 2\n']);
    expect(io.out).toBe('step 1\nstep 2\nstep 3\n');
  });

  it('prints one JSON array at the end', async () => {
    await print(true);
    expect(before).toEqual(['', '', '']);
    expect(JSON.parse(io.out)).toEqual([1, 2, 3]);
  });

  describe('when a step fails', () => {
    it('prints those before it', async () => {
      await expect(print(false, 3)).rejects.toThrow('no');
      expect(io.out).toBe('step 1\nstep 2\n');
    });

    it.each([
      [3, [1, 2]],
      [1, []],
    ])('prints those before %p as JSON', async (failAt, done) => {
      await expect(print(true, failAt)).rejects.toThrow('no');
      expect(JSON.parse(io.out)).toEqual(done);
    });
  });
});
