import { describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { chmod, rename, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FileSource } from '../../lib/archive/file-source.js';
import { TarReadError } from '../../lib/errors.js';
import { bytesOf, errorOf, withFile, withFolder } from './reading.js';

async function tarError(work: Promise<unknown>): Promise<string> {
  const error = await errorOf(work);
  expect(error).toBeInstanceOf(TarReadError);
  return error.message;
}

async function opened<T>(
  bytes: Uint8Array | string,
  work: (source: FileSource, path: string) => Promise<T>,
): Promise<T> {
  return withFile(bytes, async (path) => {
    const source = await FileSource.open(path);
    try {
      return await work(source, path);
    } finally {
      await source.close();
    }
  });
}

describe('FileSource', () => {
  it('reads anywhere, and less at the end', async () => {
    await opened('0123456789', async (source, path) => {
      expect([source.name, source.size, source.randomAccess]).toEqual([path, 10, true]);
      expect((await source.read(2, 3)).toString()).toBe('234');
      expect((await source.read(8, 5)).toString()).toBe('89');
      expect(await source.read(10, 1)).toHaveLength(0);
      await source.checkEnd();
    });
  });

  it('opens a file behind a symbolic link', async () => {
    await withFile('abc', async (path) => {
      await symlink(path, `${path}.link`);
      const source = await FileSource.open(`${path}.link`);
      expect((await source.read(0, 3)).toString()).toBe('abc');
      await source.close();
    });
  });

  it('streams a range in pieces of up to 1 MiB', async () => {
    const bytes = Buffer.alloc(2_500_000, 'x');
    await opened(bytes, async (source) => {
      const lengths: number[] = [];
      for await (const chunk of source.open({ name: 'a', position: 100, size: 2_400_000 })) {
        lengths.push((chunk as Buffer).length);
      }
      expect(lengths).toEqual([1_048_576, 1_048_576, 302_848]);
    });
  });

  it('streams two ranges at once', async () => {
    await opened(Buffer.from('a'.repeat(50_000) + 'b'.repeat(50_000)), async (source) => {
      const [a, b] = await Promise.all([
        bytesOf(source.open({ name: 'a', position: 0, size: 50_000 })),
        bytesOf(source.open({ name: 'b', position: 50_000, size: 50_000 })),
      ]);
      expect([a.toString(), b.toString()]).toEqual(['a'.repeat(50_000), 'b'.repeat(50_000)]);
    });
  });

  it('keeps to the file it opened when another one takes its place', async () => {
    await opened('before', async (source, path) => {
      await writeFile(`${path}.new`, 'after!');
      await rename(`${path}.new`, path);
      expect((await source.read(0, 6)).toString()).toBe('before');
    });
  });

  it('fails when the file shrinks while it is read, naming the entry', async () => {
    await opened(Buffer.alloc(3_000_000), async (source, path) => {
      const stream = source.open({ name: 'dir/layer.tar', position: 0, size: 3_000_000 });
      const iterator = stream[Symbol.asyncIterator]();
      await iterator.next();
      await truncate(path, 1_500_000);
      const rest = async (): Promise<void> => {
        while (!(await iterator.next()).done);
      };
      expect(await tarError(rest())).toContain(`${path} ended inside dir/layer.tar`);
    });
  });

  it('fails when it is read after it was closed', async () => {
    await withFile('abc', async (path) => {
      const source = await FileSource.open(path);
      await source.close();
      await source.close();
      expect(await tarError(source.read(0, 1))).toContain(`${path} cannot be read`);
      expect(await tarError(bytesOf(source.open({ name: 'a', position: 0, size: 1 })))).toContain('cannot be read');
    });
  });

  describe('open', () => {
    it('says that there is no such file, and how to write one', async () => {
      expect(await tarError(FileSource.open('/no/such/app.tar'))).toBe(
        'there is no file /no/such/app.tar. Write it with: docker save -o app.tar NAME.',
      );
      expect(await tarError(FileSource.open(''))).toContain('there is no file');
    });

    it('says that it is a directory', async () => {
      await withFolder(async (folder) => {
        expect(await tarError(FileSource.open(folder))).toContain(`${folder} is a directory, not a file`);
      });
    });

    it('says that it is a named pipe, and does not wait for a writer', async () => {
      await withFolder(async (folder) => {
        const pipe = join(folder, 'pipe');
        execFileSync('mkfifo', [pipe]);
        expect(await tarError(FileSource.open(pipe))).toContain(`${pipe} is a pipe or a device, not a file`);
      });
    });

    it('says that it is a device', async () => {
      expect(await tarError(FileSource.open('/dev/null'))).toContain('/dev/null is a pipe or a device, not a file');
    });

    it('says that a part of the path is no directory', async () => {
      await withFile('abc', async (path) => {
        expect(await tarError(FileSource.open(`${path}/app.tar`))).toContain(`${path}/app.tar cannot be opened`);
      });
    });

    it('says that the file may not be read', async () => {
      await withFile('abc', async (path) => {
        await chmod(path, 0o000);
        const work = FileSource.open(path);
        // Root may read everything.
        if (process.getuid?.() === 0) await (await work).close();
        else expect(await tarError(work)).toContain(`${path} may not be read: permission denied`);
      });
    });

    it('refuses a path no file can have', async () => {
      expect(await tarError(FileSource.open('a\0b'))).toContain('a\\u0000b cannot be opened');
    });

    it('makes control characters of the path visible', async () => {
      expect(await tarError(FileSource.open('/no/\u001b[2J'))).toContain('there is no file /no/\\u001b[2J');
    });
  });
});
