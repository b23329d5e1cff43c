import { describe, expect, it } from '@jest/globals';
import { firstThatWorks, type Provided } from './way.js';

describe('firstThatWorks', () => {
  const provided: Provided = { launcher: { kind: 'binary', path: '/opt/registry' } };
  const missing = (needs: string, why: string) => ({ needs, provide: () => Promise.resolve(why) });
  const works = { needs: 'luck', provide: () => Promise.resolve(provided) };
  const mustNotBeTried = { needs: 'nothing', provide: () => Promise.reject(new Error('tried')) };

  it('takes the first way that works and tries no other', async () => {
    expect(await firstThatWorks([missing('a', 'b'), works, mustNotBeTried])).toBe(provided);
  });

  it('names every way, and why it does not work here, when none does', async () => {
    const none = firstThatWorks([missing('a program on the PATH', 'not found'), missing('root', 'not root')]);
    await expect(none).rejects.toThrow(
      /Provide one of these:\n {2}- a program on the PATH \(here: not found\)\n {2}- root \(here: not root\)\nREGISTRY_URL alone/,
    );
  });
});
