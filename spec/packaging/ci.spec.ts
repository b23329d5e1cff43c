import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { FakePrograms } from '../support/fake-programs.js';
import { run } from '../support/proc.js';

describe('npm run check', () => {
  it('runs what the CI runs, in its order', async () => {
    const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as { scripts: Record<string, string> };
    const ci = await readFile('.ci/run', 'utf8');
    const steps = [...ci.matchAll(/^step (npm (?:run \S+|\w+))/gm)].map(([, step]) => step);
    expect(steps[0]).toBe('npm ci');
    expect(scripts.check?.split(' && ')).toEqual(steps.slice(1));
  });
});

describe('the CI', () => {
  let programs: FakePrograms;
  beforeEach(() => {
    programs = new FakePrograms();
  });
  afterEach(() => programs.remove());

  /** An npm whose steps do nothing, but for what jest would write. */
  async function ci({ own, newer, failing = '' }: { own?: object; newer?: object; failing?: string }) {
    programs.add(
      'npm',
      `const [, file] = /--outputFile=(\\S+)/.exec(args.join(' ')) ?? [];
      const said = args[0] === 'test' ? ${JSON.stringify(own ?? null)} : ${JSON.stringify(newer ?? null)};
      if (file && said) fs.writeFileSync(file, JSON.stringify(said));
      process.exit(args.join(' ') === '${failing}' ? 1 : 0);`,
    );
    const { code, stdout } = await run('.ci/run');
    return [code, stdout.trimEnd().split('\n').at(-1)];
  }

  const green = { success: true, numPassedTests: 20, numFailedTests: 0, numPendingTests: 1, numTodoTests: 1 };
  const red = { success: false, numPassedTests: 18, numFailedTests: 2, numPendingTests: 0, numTodoTests: 0 };

  it('ends with the sum of both lines of Node', async () => {
    expect(await ci({ own: green, newer: green })).toEqual([0, '40 passed, 0 failed, 4 skipped']);
    expect(await ci({ own: green, newer: red })).toEqual([1, '38 passed, 2 failed, 2 skipped']);
  });

  it('fails when a line was not run, or any other step failed', async () => {
    expect(await ci({ own: green })).toEqual([1, '20 passed, 0 failed, 2 skipped']);
    expect(await ci({ own: green, newer: green, failing: 'run api' })).toEqual([1, '40 passed, 0 failed, 4 skipped']);
  });
});
