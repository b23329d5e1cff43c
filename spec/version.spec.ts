import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { VERSION } from '../lib/version.js';

describe('VERSION', () => {
  it('is that of package.json', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
    expect(VERSION).toBe(version);
  });
});
