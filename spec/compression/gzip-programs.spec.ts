import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join, relative } from 'node:path';
import { findGzipProgram } from '../../lib/compression/gzip-programs.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

const folders = new TemporaryFolders();

async function programIn(folder: string, name: string, mode = 0o755): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, '');
  await chmod(file, mode);
  return file;
}

/** Where igzip is found on this PATH. */
function foundOn(...path: string[]): string | undefined {
  return findGzipProgram('igzip', { PATH: path.join(delimiter) })?.path;
}

describe('findGzipProgram', () => {
  let [one, two]: [string, string] = ['', ''];
  beforeEach(async () => {
    [one, two] = [await folders.make(), await folders.make()];
  });
  afterEach(() => folders.remove());

  it('finds the first one of that name', async () => {
    await programIn(one, 'gzip');
    await programIn(one, 'pigz');
    const second = await programIn(two, 'igzip');
    expect(foundOn(one, two)).toBe(second);
    const first = await programIn(one, 'igzip');
    expect([foundOn(one, two), foundOn(two, one)]).toEqual([first, second]);
  });

  it('finds nothing where there is nothing', () => {
    expect([foundOn(one, two), foundOn(join(one, 'absent')), foundOn(''), findGzipProgram('igzip', {})]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('looks at the PATH of this process unless it is given another', async () => {
    await programIn(one, 'igzip');
    const before = process.env.PATH;
    try {
      process.env.PATH = one;
      expect(findGzipProgram('igzip')?.path).toBe(join(one, 'igzip'));
      expect(findGzipProgram('igzip', { PATH: two })).toBeUndefined();
    } finally {
      process.env.PATH = before;
    }
  });

  it('does not look into folders that depend on where we are', async () => {
    await programIn(one, 'igzip');
    const before = process.cwd();
    const fromHere = relative(before, one);
    try {
      expect([foundOn(fromHere), foundOn(`./${fromHere}`)]).toEqual([undefined, undefined]);
      process.chdir(one);
      expect([foundOn('.'), foundOn(''), foundOn('', two), foundOn(two, '')]).toEqual(Array(4).fill(undefined));
    } finally {
      process.chdir(before);
    }
  });

  it('passes over what is no program', async () => {
    const three = await folders.make();
    await programIn(one, 'igzip', 0o644);
    await mkdir(join(two, 'igzip'));
    await symlink(join(three, 'absent'), join(three, 'igzip'));
    const real = await programIn(await folders.make(), 'igzip');
    expect(foundOn(one, two, three)).toBeUndefined();
    expect(foundOn(one, two, three, join(real, '..'))).toBe(real);
  });

  it('follows a link to a program', async () => {
    await symlink(await programIn(one, 'something'), join(two, 'igzip'));
    expect(foundOn(two)).toBe(join(two, 'igzip'));
  });

  it('calls both in a way in which the bytes depend on the content only, and pigz with several threads', async () => {
    await programIn(one, 'igzip');
    await programIn(one, 'pigz');
    const [igzip, pigz] = (['igzip', 'pigz'] as const).map((name) => findGzipProgram(name, { PATH: one })?.args ?? []);
    expect(igzip).toEqual(['-1', '-n', '-c']);
    expect(pigz?.slice(0, 4)).toEqual(['-1', '-n', '-c', '-p']);
    expect(pigz).toHaveLength(5);
    expect(Number(pigz?.[4])).toBeGreaterThanOrEqual(2);
  });

  it('looks for .exe on Windows', async () => {
    await programIn(one, 'igzip');
    const exe = await programIn(two, 'igzip.exe');
    const platform = Object.getOwnPropertyDescriptor(process, 'platform')!;
    try {
      Object.defineProperty(process, 'platform', { ...platform, value: 'win32' });
      expect(foundOn(one, two)).toBe(exe);
    } finally {
      Object.defineProperty(process, 'platform', platform);
    }
    expect(foundOn(two)).toBeUndefined();
  });
});
