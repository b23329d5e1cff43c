import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { TarLayout } from '../../lib/archive/tar-layout.js';
import { FileSink } from '../../lib/transfer/file-sink.js';
import { noise, toBuffer } from '../support/content.js';
import { readWithNodeTar } from '../support/node-tar-reader.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

const CONTENTS = [toBuffer(noise(1_700_001)), toBuffer(noise(70_000)), Buffer.from('small')];
const layout = new TarLayout(CONTENTS.map((content, i) => ({ name: `file ${i}`, size: content.length })));

type Writev = (chunks: readonly Buffer[], position: number) => Promise<{ bytesWritten: number }>;

describe('FileSink', () => {
  const folders = new TemporaryFolders();
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await folders.make();
    path = join(folder, 'app.tar');
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    await folders.remove();
  });

  const chunked = (content: Buffer, size: number): Readable =>
    Readable.from(
      Array.from({ length: Math.ceil(content.length / size) }, (_, i) => content.subarray(i * size, (i + 1) * size)),
      { objectMode: false },
    );

  async function fill(size: number): Promise<void> {
    const sink = await FileSink.create(path, layout);
    await Promise.all(layout.files.map((file, i) => sink.write(file, chunked(CONTENTS[i]!, size))));
    await sink.finish();
  }

  const written = async () => (await readWithNodeTar(await readFile(path))).map(({ content }) => content);

  it.each([1_000, 65_536, 3_000_000])('puts contents side by side that come in pieces of %i bytes', async (size) => {
    await fill(size);
    expect((await written()).map((content, i) => content.equals(CONTENTS[i]!))).toEqual([true, true, true]);
  });

  it('calls the system for many pieces at once', async () => {
    const file = await open(folder);
    const prototype = Object.getPrototypeOf(file) as { writev: Writev };
    await file.close();
    const writev = jest.spyOn(prototype, 'writev');
    await fill(16 * 1024);
    expect(writev.mock.calls.length).toBeLessThan(10);
  });

  it.each([1, 100_000, 400_000])('goes on where the system takes %i bytes of a batch only', async (most) => {
    const file = await open(folder);
    const prototype = Object.getPrototypeOf(file) as { writev: Writev };
    await file.close();
    const { writev } = prototype;
    jest.spyOn(prototype, 'writev').mockImplementation(function (this: unknown, chunks, position) {
      const taken = Buffer.concat(chunks).subarray(0, most);
      return writev.call(this as never, [taken], position);
    });
    await fill(60_000);
    expect((await written()).map((content, i) => content.equals(CONTENTS[i]!))).toEqual([true, true, true]);
  });

  it('has everything on disk before it takes the name', async () => {
    const file = await open(folder);
    const prototype = Object.getPrototypeOf(file) as { sync: () => Promise<void> };
    await file.close();
    const { sync } = prototype;
    const names: string[][] = [];
    jest.spyOn(prototype, 'sync').mockImplementation(async function (this: unknown) {
      names.push(await readdir(folder));
      return sync.call(this as never);
    });
    await fill(65_536);
    // The file under its other name, then the folder with the final one.
    expect(names).toEqual([[expect.stringMatching(/^\.app\.tar\.[0-9a-f]{12}\.partial$/)], ['app.tar']]);
  });

  it('leaves nothing when it is abandoned', async () => {
    const sink = await FileSink.create(path, layout);
    await sink.write(layout.files[0]!, chunked(CONTENTS[0]!, 10_000));
    await sink.abandon();
    expect(await readdir(folder)).toEqual([]);
  });
});
