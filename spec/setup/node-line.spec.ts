import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakePrograms } from '../support/fake-programs.js';
import { run } from '../support/proc.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

/** Installs a Node that says only its version. */
const npmWith = (version: string) => `
  const prefix = args[args.indexOf('--prefix') + 1], [name] = args.at(-1).split('@');
  say(args.at(-1).replace(/^.*@/, '@'));
  const folder = path.join(prefix, 'node_modules', name, 'bin');
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'node'), '#!${process.execPath}\\nconsole.log("${version}")', { mode: 0o755 });`;

describe('a Node of another line', () => {
  const folders = new TemporaryFolders();
  let programs: FakePrograms;
  let cache: string;
  beforeEach(async () => {
    programs = new FakePrograms({ alone: true });
    cache = await folders.make();
  });
  afterEach(async () => {
    programs.remove();
    await folders.remove();
  });

  const nodeLine = (...args: string[]) =>
    run(process.execPath, ['scripts/node-line.mjs', ...args], { env: { NODE_LINES_CACHE: cache } });

  it('is installed once, and printed', async () => {
    programs.add('npm', npmWith('v22.1.2'));
    const { code, stdout } = await nodeLine('22');
    expect(code).toBe(0);
    expect(await run(stdout.trim(), ['--version'])).toMatchObject({ stdout: 'v22.1.2\n' });
    expect((await nodeLine('22')).stdout).toBe(stdout);
    expect(programs.log()).toEqual(['@22']);
  });

  it('is not another one', async () => {
    programs.add('npm', npmWith('v2.22.0'));
    const { code, stderr } = await nodeLine('22');
    expect([code, stderr]).toEqual([1, expect.stringContaining('does not run as Node 22: remove')]);
  });

  it('is missed with what the package registry said', async () => {
    programs.add('npm', `console.error('npm error code E404'); process.exit(1);`);
    const { code, stdout, stderr } = await nodeLine('22');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/The package registry did not give node-\S+@22: npm error code E404\n$/);
  });

  it.each([[[]], [['lts']], [['../22']]])('has a number as its name, and not %j', async (args) => {
    expect(await nodeLine(...args)).toMatchObject({ code: 1, stderr: expect.stringContaining('Name a line of Node') });
  });
});
