import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { startServing } from '../support/serving.js';

describe('the list of processes', () => {
  // Elsewhere there is no file to read it from.
  const known = existsSync('/proc/self/cmdline');

  it('shows nobody the password of a command', async () => {
    const serving = await startServing('--auth', 'ci:s3cr3t-password');
    const shown = known ? await readFile(`/proc/${serving.child.pid}/cmdline`, 'utf8') : '';
    await serving.stop();
    expect(shown).not.toContain('s3cr3t');
  });
});
