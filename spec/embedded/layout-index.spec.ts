import { mkdir, readFile, rm } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { LayoutFolder } from '../../lib/embedded/layout-folder.js';
import { LayoutIndex } from '../../lib/embedded/layout-index.js';
import { manifestOf } from '../contract/describe-store.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

describe('LayoutIndex', () => {
  const folders = new TemporaryFolders();
  const { descriptor } = manifestOf();
  let folder: LayoutFolder;
  let index: LayoutIndex;

  beforeEach(async () => {
    folder = await LayoutFolder.at(await folders.make());
    await folder.prepare();
    index = await LayoutIndex.open(folder);
  });

  afterEach(() => folders.remove());

  const tagsOnDisk = async (): Promise<string[]> => (await LayoutIndex.open(folder)).list('app');

  it('has a tag on the disk once it says so', async () => {
    await index.set('app', ['v1', 'latest'], descriptor);
    expect(await tagsOnDisk()).toEqual(['v1', 'latest']);
    await index.delete('app', 'v1');
    expect(await tagsOnDisk()).toEqual(['latest']);
  });

  it('writes changes together that come while it writes', async () => {
    const write = jest.spyOn(folder, 'write');
    await Promise.all(Array.from({ length: 100 }, (_, i) => index.set('app', [`v${i}`], descriptor)));
    expect((await tagsOnDisk()).length).toBe(100);
    expect(write.mock.calls.length).toBeLessThanOrEqual(2);
  });

  it('shows no change before it is on the disk', async () => {
    const changed = index.set('app', ['v1'], descriptor);
    expect(index.list('app')).toEqual([]);
    await changed;
    expect(index.get('app', 'v1')?.digest).toBe(descriptor.digest);
  });

  it('is as before when it cannot be written, and goes on', async () => {
    await index.set('app', ['v1'], descriptor);
    const before = await readFile(folder.indexPath);
    await rm(folder.indexPath);
    await mkdir(folder.indexPath);
    const failures = await Promise.allSettled([index.set('app', ['v2'], descriptor), index.delete('app', 'v1')]);
    expect(failures.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(index.list('app')).toEqual(['v1']);
    await rm(folder.indexPath, { recursive: true });
    await index.set('app', ['v3'], descriptor);
    expect(await tagsOnDisk()).toEqual(['v1', 'v3']);
    expect((await readFile(folder.indexPath)).length).toBeGreaterThan(before.length);
  });

  it('writes nothing when no tag is on the digest to delete', async () => {
    const write = jest.spyOn(folder, 'write');
    await index.deleteAll('app', descriptor.digest);
    expect(write).not.toHaveBeenCalled();
  });
});
