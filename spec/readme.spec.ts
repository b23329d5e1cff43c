import { describe, expect, it } from '@jest/globals';
import { readdir, readFile } from 'node:fs/promises';

describe('README', () => {
  it('shows only code that is cut from a sample, which the specs run', async () => {
    const names = await readdir('samples');
    const samples = await Promise.all(names.map((name) => readFile(`samples/${name}`, 'utf8')));
    const readme = await readFile('README.md', 'utf8');
    const fences = [...readme.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code = '']) => code);
    expect(fences.length).toBeGreaterThan(0);
    expect(fences.filter((code) => !samples.some((sample) => sample.includes(code)))).toEqual([]);
  });
});
