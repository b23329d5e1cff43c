import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';

describe('npm run check', () => {
  it('runs what the CI runs, in its order', async () => {
    const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as { scripts: Record<string, string> };
    const ci = await readFile('.ci/run', 'utf8');
    const steps = [...ci.matchAll(/^step (npm (?:run \S+|\w+))/gm)].map(([, step]) => step);
    expect(steps[0]).toBe('npm ci');
    expect(scripts.check?.split(' && ')).toEqual(steps.slice(1));
  });
});
