import { constants } from 'node:fs';
import { type FileHandle, open as openFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { TarReadError } from '../errors.js';
import { buffers, POOLED } from '../oci/buffer-pool.js';
import { printable } from '../redact.js';
import type { SizedSource } from './archive-source.js';
import { type ContentRange, openRange } from './content-range.js';

const HOW_TO_WRITE = 'Write it with: docker save -o app.tar NAME.';

/** A plain tar on disk, held open from the first header to the last layer so that it cannot be swapped in between. */
export class FileSource implements SizedSource {
  readonly randomAccess = true;

  private constructor(
    readonly name: string,
    readonly size: number,
    private readonly file: FileHandle,
  ) {}

  /** @throws TarReadError when there is no such file, it is a directory, a pipe or a device, or may not be read. */
  static async open(path: string): Promise<FileSource> {
    const name = printable(path);
    // Without O_NONBLOCK, opening a named pipe waits for somebody to write to it, perhaps for ever.
    const file = await openFile(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
      throw cannotOpen(name, cause as NodeJS.ErrnoException);
    });
    try {
      const stat = await file.stat();
      if (stat.isFile()) return new FileSource(name, stat.size, file);
      const kind = stat.isDirectory() ? 'a directory' : 'a pipe or a device';
      throw new TarReadError(`${name} is ${kind}, not a file`, { hint: HOW_TO_WRITE });
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async read(position: number, length: number): Promise<Buffer> {
    const buffer = length === POOLED ? buffers.take() : Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const bytesRead = await this.readInto(buffer, filled, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  }

  reaches(end: number): Promise<boolean> {
    return Promise.resolve(end <= this.size);
  }

  open(range: ContentRange): Readable {
    return openRange(this, range);
  }

  checkEnd(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return this.file.close();
  }

  private async readInto(buffer: Buffer, offset: number, position: number): Promise<number> {
    try {
      const { bytesRead } = await this.file.read(buffer, offset, buffer.length - offset, position);
      return bytesRead;
    } catch (cause) {
      throw new TarReadError(`${this.name} cannot be read: ${(cause as Error).message}`, { cause });
    }
  }
}

function cannotOpen(name: string, cause: NodeJS.ErrnoException): TarReadError {
  if (cause.code === 'ENOENT') return new TarReadError(`there is no file ${name}`, { cause, hint: HOW_TO_WRITE });
  if (cause.code === 'EACCES') return new TarReadError(`${name} may not be read: permission denied`, { cause });
  return new TarReadError(`${name} cannot be opened: ${printable(cause.message)}`, { cause });
}
