import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  createDurably,
  makeFolder,
  moveDurably,
  removeDurably,
  writeDurably,
} from '../../lib/embedded/durable-files.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

/** That they wait for the disk cannot be seen from here; what they leave behind can. */
describe('durable files', () => {
  const folders = new TemporaryFolders();
  let folder: string;

  beforeEach(async () => {
    folder = await folders.make();
  });

  afterEach(() => folders.remove());

  it('are written in place of what was there', async () => {
    const path = join(folder, 'file');
    for (const content of ['first', 'second']) await writeDurably(path, content, join(folder, 'temporary'));
    expect([await readFile(path, 'utf8'), await readdir(folder)]).toEqual(['second', ['file']]);
  });

  it('stay as they were when the new content cannot take their place', async () => {
    await mkdir(join(folder, 'file', 'inside'), { recursive: true });
    await expect(writeDurably(join(folder, 'file'), 'new', join(folder, 'temporary'))).rejects.toThrow();
    expect(await readdir(join(folder, 'file'))).toEqual(['inside']);
    expect(await readdir(folder)).toEqual(['file']);
  });

  it('are made empty, and are so already', async () => {
    for (let times = 0; times < 2; times++) await createDurably(join(folder, 'file'));
    expect([await readFile(join(folder, 'file'), 'utf8'), await readdir(folder)]).toEqual(['', ['file']]);
  });

  it('are moved', async () => {
    await writeFile(join(folder, 'from'), 'content');
    await moveDurably(join(folder, 'from'), join(folder, 'to'));
    expect([await readFile(join(folder, 'to'), 'utf8'), await readdir(folder)]).toEqual(['content', ['to']]);
  });

  it('are removed, once', async () => {
    await writeFile(join(folder, 'file'), 'content');
    expect(await removeDurably(join(folder, 'file'))).toBe(true);
    expect(await removeDurably(join(folder, 'file'))).toBe(false);
    await mkdir(join(folder, 'folder'));
    await expect(removeDurably(join(folder, 'folder'))).rejects.toThrow();
  });

  it('have folders made for them, with those above, again and again', async () => {
    for (let times = 0; times < 2; times++) await makeFolder(join(folder, 'a', 'b', 'c'));
    expect(await readdir(join(folder, 'a', 'b'))).toEqual(['c']);
  });
});
