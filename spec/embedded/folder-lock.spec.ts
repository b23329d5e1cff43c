import { spawn, spawnSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { FolderLock } from '../../lib/embedded/folder-lock.js';
import { InvalidArgumentError } from '../../lib/errors.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

describe('FolderLock', () => {
  const folders = new TemporaryFolders();
  afterEach(() => folders.remove());

  const lockIn = (folder: string): string => join(folder, 'lock');
  const ownerOf = async (folder: string): Promise<number> => Number.parseInt(await readFile(lockIn(folder), 'utf8'));

  /** The id of a process that has ended. */
  const goneProcess = (): number => spawnSync(process.execPath, ['--version']).pid;

  it('is a file with the id of this process, gone once released', async () => {
    const folder = await folders.make();
    const lock = await FolderLock.acquire(lockIn(folder));
    expect(await ownerOf(folder)).toBe(process.pid);
    expect(await readdir(folder)).toEqual(['lock']);
    await lock.release();
    await lock.release();
    expect(await readdir(folder)).toEqual([]);
  });

  it('is refused while this process has it', async () => {
    const folder = await folders.make();
    const lock = await FolderLock.acquire(lockIn(folder));
    const error = await FolderLock.acquire(lockIn(folder)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect(error).toMatchObject({ code: 'FOLDER_IN_USE', hint: expect.stringContaining(lockIn(folder)) });
    expect(await readdir(folder)).toEqual(['lock']);
    await lock.release();
    await (await FolderLock.acquire(lockIn(folder))).release();
  });

  it('is released once only: whoever has it next keeps it', async () => {
    const folder = await folders.make();
    const lock = await FolderLock.acquire(lockIn(folder));
    await lock.release();
    const next = await FolderLock.acquire(lockIn(folder));
    await lock.release();
    await expect(FolderLock.acquire(lockIn(folder))).rejects.toMatchObject({ code: 'FOLDER_IN_USE' });
    await next.release();
  });

  it('goes from hand to hand without ever being in two', async () => {
    const folder = await folders.make();
    let holders = 0;
    const work = Array.from({ length: 6 }, async () => {
      for (let times = 0; times < 30;) {
        const lock = await FolderLock.acquire(lockIn(folder)).catch(() => sleep(1));
        if (lock === undefined) continue;
        holders += 1;
        expect(holders).toBe(1);
        await sleep(1);
        holders -= 1;
        times += 1;
        await lock.release();
      }
    });
    await Promise.all(work);
    expect(await readdir(folder)).toEqual([]);
  });

  it('is refused while another process has it that runs', async () => {
    const folder = await folders.make();
    const other = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)']);
    await writeFile(lockIn(folder), `${other.pid}\n`);
    await expect(FolderLock.acquire(lockIn(folder))).rejects.toThrow(`process ${other.pid} is using the folder`);
    expect(await ownerOf(folder)).toBe(other.pid);
    other.kill();
  });

  it.each<[string, () => string]>([
    ['that is gone', () => `${goneProcess()}\n`],
    ['with our id, before us, as in a container that was restarted', () => `${process.pid}\n`],
    ['that nobody can read any more', () => ''],
    ['that is none', () => '-1\n'],
  ])('is taken over from a process %s', async (_, content) => {
    const folder = await folders.make();
    await writeFile(lockIn(folder), content());
    const lock = await FolderLock.acquire(lockIn(folder));
    expect(await ownerOf(folder)).toBe(process.pid);
    expect(await readdir(folder)).toEqual(['lock']);
    await lock.release();
  });

  it('is taken over by one of many only', async () => {
    const folder = await folders.make();
    await writeFile(lockIn(folder), `${goneProcess()}\n`);
    const tries = await Promise.allSettled(Array.from({ length: 20 }, () => FolderLock.acquire(lockIn(folder))));
    const [won, ...others] = tries.filter(({ status }) => status === 'fulfilled');
    expect(others).toEqual([]);
    expect(await ownerOf(folder)).toBe(process.pid);
    await (won as PromiseFulfilledResult<FolderLock>).value.release();
    expect(await readdir(folder)).toEqual([]);
  });
});
