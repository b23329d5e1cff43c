import { mkdir, open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FileWriter, type Keep } from '../../lib/embedded/file-writer.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

describe('FileWriter', () => {
  const folders = new TemporaryFolders();
  let folder: string;

  beforeEach(async () => {
    folder = await folders.make();
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    await folders.remove();
  });

  const create = (keep: Keep = () => Promise.resolve()): FileWriter => new FileWriter(join(folder, 'upload'), keep);

  /** What all open files are made of. */
  async function prototypeOfFiles(): Promise<{ write: (...args: never[]) => Promise<{ bytesWritten: number }> }> {
    const file = await open(folder);
    await file.close();
    return Object.getPrototypeOf(file) as never;
  }

  it('hands over a file with all that was written, and leaves none of its own', async () => {
    const kept: string[] = [];
    const writer = create(async (path, repository, digest) => {
      kept.push(await readFile(path, 'utf8'), repository, digest);
    });
    await writer.write(Buffer.from('one '));
    await writer.write(Buffer.from('two'));
    await writer.commit('app', 'sha256:0');
    expect(kept).toEqual(['one two', 'app', 'sha256:0']);
    expect(await readdir(folder)).toEqual([]);
  });

  it('goes on where the system takes a part of a chunk only', async () => {
    const files = await prototypeOfFiles();
    const write = files.write;
    jest.spyOn(files, 'write').mockImplementation(function (this: unknown, ...args: never[]) {
      const [chunk, at, , position] = args as unknown as [Buffer, number, number, number];
      return write.apply(this, [chunk, at, 1, position] as never);
    });
    const writer = create();
    await writer.write(Buffer.from('content'));
    jest.restoreAllMocks();
    expect(await text(writer.read())).toBe('content');
    await writer.discard();
  });

  it('forgets a chunk that failed half-way', async () => {
    const files = await prototypeOfFiles();
    const write = files.write;
    const kept: string[] = [];
    const writer = create(async (path) => void kept.push(await readFile(path, 'utf8')));
    await writer.write(Buffer.from('whole '));
    jest.spyOn(files, 'write').mockImplementationOnce(async function (this: unknown, ...args: never[]) {
      const [chunk, at, , position] = args as unknown as [Buffer, number, number, number];
      await write.apply(this, [chunk, at, 5, position] as never);
      throw new Error('ENOSPC');
    });
    await expect(writer.write(Buffer.from('broken chunk'))).rejects.toThrow('ENOSPC');
    expect(await text(writer.read())).toBe('whole ');
    await writer.write(Buffer.from('end'));
    await writer.commit('app', 'sha256:0');
    expect(kept).toEqual(['whole end']);
  });

  it('leaves no file when what it has cannot be kept', async () => {
    const writer = create(() => Promise.reject(new Error('ENOSPC')));
    await writer.write(Buffer.from('content'));
    await expect(writer.commit('app', 'sha256:0')).rejects.toThrow('ENOSPC');
    expect(await readdir(folder)).toEqual([]);
  });

  it('is listed as unfinished until it is committed or discarded', async () => {
    const unfinished = new Set<FileWriter>();
    const create = (name: string) => new FileWriter(join(folder, name), () => Promise.resolve(), unfinished);
    const [one, two] = [create('one'), create('two')];
    expect([...unfinished]).toEqual([one, two]);
    await one.commit('app', 'sha256:0');
    await two.discard();
    expect([...unfinished]).toEqual([]);
  });

  it('has no file before there is something in it, and none that is open afterwards', async () => {
    const writer = create();
    expect(await readdir(folder)).toEqual([]);
    await writer.write(Buffer.from('content'));
    expect(await readdir(folder)).toEqual(['upload']);
    await writer.discard();
    await expect(writer.write(Buffer.from('more'))).rejects.toThrow('the upload is over');
    expect(await readdir(folder)).toEqual([]);
  });

  it('keeps a content without bytes', async () => {
    const kept: string[] = [];
    await create(async (path) => void kept.push(await readFile(path, 'utf8'))).commit('app', 'sha256:0');
    expect(kept).toEqual(['']);
  });

  it('opens its file with the next chunk when it could not with this one', async () => {
    const late = join(folder, 'late');
    const writer = new FileWriter(join(late, 'upload'), () => Promise.resolve());
    await expect(writer.write(Buffer.from('content'))).rejects.toThrow('ENOENT');
    await mkdir(late);
    await writer.write(Buffer.from('content'));
    await writer.discard();
  });

  it('leaves no file when it is discarded, however often', async () => {
    const writer = create();
    await writer.write(Buffer.from('content'));
    await writer.discard();
    await writer.discard();
    expect(await readdir(folder)).toEqual([]);
  });
});
