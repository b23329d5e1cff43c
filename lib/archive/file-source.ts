import { open as openFile, type FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { TarReadError } from '../errors.js';
import type { ArchiveSource } from './archive-source.js';

const CHUNK = 1024 * 1024;

/** A plain tar on disk, held open from the first header to the last layer so that it cannot be swapped in between. */
export class FileSource implements ArchiveSource {
  readonly randomAccess = true;

  private constructor(
    readonly name: string,
    /** Bytes, when it was opened. */
    readonly size: number,
    private readonly file: FileHandle,
  ) {}

  /** @throws TarReadError when there is no such file, it is a directory, is empty, or may not be read. */
  static async open(path: string): Promise<FileSource> {
    const file = await openFile(path, 'r').catch((cause: NodeJS.ErrnoException) => {
      throw unreadable(path, cause);
    });
    try {
      const stat = await file.stat();
      if (stat.isDirectory()) throw new TarReadError(`${path} is a directory`, { hint: 'Give the tar file itself.' });
      if (stat.isFile() && stat.size === 0) {
        throw new TarReadError(`${path} is empty`, { hint: 'Check that docker save ended without an error.' });
      }
      return new FileSource(path, stat.size, file);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async read(position: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.file.read(buffer, filled, length - filled, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  }

  open(position: number, length: number): Readable {
    return Readable.from(this.chunks(position, length), { objectMode: false, highWaterMark: CHUNK });
  }

  close(): Promise<void> {
    return this.file.close();
  }

  private async *chunks(position: number, length: number): AsyncGenerator<Buffer> {
    const end = position + length;
    for (let at = position; at < end;) {
      const chunk = await this.read(at, Math.min(CHUNK, end - at));
      if (chunk.length === 0) throw shortened(this.name, at);
      yield chunk;
      at += chunk.length;
    }
  }
}

/** The file lost bytes that its headers, read before, had promised. */
export function shortened(name: string, at: number): TarReadError {
  return new TarReadError(`${name} ended at byte ${at}, in the middle of an entry`, {
    hint: 'The file changed while it was read, or was cut short: write it again and push again.',
  });
}

function unreadable(path: string, cause: NodeJS.ErrnoException): TarReadError {
  if (cause.code === 'ENOENT') {
    return new TarReadError(`there is no file ${path}`, { cause, hint: 'Write it with: docker save -o app.tar NAME.' });
  }
  if (cause.code === 'EACCES') return new TarReadError(`${path} may not be read: permission denied`, { cause });
  return new TarReadError(`${path} cannot be opened: ${cause.message}`, { cause });
}
