import { describe, expect, it } from '@jest/globals';
import { appendFile, cp, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { run } from '../support/proc.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

describe('npm run wasm', () => {
  const check = (cwd = '.') => run(process.execPath, [resolve('scripts/build-wasm.mjs')], { cwd });

  it('finds the module that is shipped to be what assembly/ says', async () => {
    expect(await check()).toMatchObject({ code: 0, stderr: '' });
  });

  it('fails when it is not, or when that cannot be compiled', async () => {
    const folders = new TemporaryFolders();
    const folder = await folders.make();
    await Promise.all(['assembly', 'lib/compression'].map((name) => copy(name, folder)));
    await symlink(resolve('node_modules'), join(folder, 'node_modules'));
    const source = join(folder, 'assembly/deflate.ts');
    await appendFile(source, 'export function more(): u32 { return 1; }\n');
    expect(await check(folder)).toMatchObject({ code: 1, stderr: expect.stringContaining('npm run wasm:update') });
    await appendFile(source, 'what is this');
    expect(await check(folder)).toMatchObject({ code: 1, stderr: expect.stringContaining('assembly/deflate.ts') });
    await folders.remove();
  });
});

function copy(name: string, folder: string): Promise<void> {
  return cp(name, join(folder, name), { recursive: true });
}
