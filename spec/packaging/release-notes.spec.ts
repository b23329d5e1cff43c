import { afterEach, describe, expect, it } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { run } from '../support/proc.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

const CHANGELOG = `# Changelog

## Unreleased

## [1.1.0] - 2026-02-01

### Fixed

- The second.

## 1.0.0

- The first.

[1.1.0]: https://example.test/1.1.0
`;

describe('the notes of a release', () => {
  const folders = new TemporaryFolders();
  afterEach(() => folders.remove());

  async function notes(...args: string[]) {
    const cwd = await folders.make();
    await writeFile(join(cwd, 'package.json'), '{ "version": "1.1.0" }');
    await writeFile(join(cwd, 'CHANGELOG.md'), CHANGELOG);
    return run(process.execPath, [resolve('scripts/release-notes.mjs'), ...args], { cwd });
  }

  it('are those of the version in package.json, or of another', async () => {
    expect(await notes()).toMatchObject({ code: 0, stdout: '### Fixed\n\n- The second.\n' });
    expect(await notes('1.0.0')).toMatchObject({ code: 0, stdout: '- The first.\n' });
  });

  it.each(['2.0.0', 'unreleased'])('are missed when there is nothing about %s', async (version) => {
    const stderr = `CHANGELOG.md says nothing of ${version}\n`;
    expect(await notes(version)).toMatchObject({ code: 1, stdout: '', stderr });
  });
});
