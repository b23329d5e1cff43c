import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { fencesIn, notFromSamples } from './support/markdown.js';

describe('README', () => {
  it('shows only code that is cut from a sample, which the specs run', async () => {
    const readme = await readFile('README.md', 'utf8');
    expect(fencesIn(readme, 'ts')).not.toEqual([]);
    expect(await notFromSamples(readme)).toEqual([]);
  });
});
