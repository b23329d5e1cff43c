import { randomBytes } from 'node:crypto';
import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import type { PlacedFile, TarLayout } from '../archive/tar-layout.js';
import { InvalidArgumentError } from '../errors.js';
import type { ArchiveSink } from './archive-sink.js';

/** Bytes that are written at once: what a socket gives is too little to be worth a call to the system. */
const BATCH = 512 * 1024;
/** Bytes after which the system is asked to bring them to the disk, while more arrive. */
const SYNCED = 64 * 1024 * 1024;

/**
 * Writes an archive to a file, every content straight to its final place, so that layers arrive side by side without being
 * stored twice. Until all is there and on disk, it has another name; the final one appears complete or not at all.
 */
export class FileSink implements ArchiveSink {
  readonly randomAccess = true;
  private unsynced = 0;
  private syncing: Promise<unknown> | undefined;
  private lost: NodeJS.ErrnoException | undefined;

  private constructor(
    private readonly path: string,
    private readonly partial: string,
    private readonly layout: TarLayout,
    private readonly file: FileHandle,
  ) {}

  /** @throws InvalidArgumentError when the file cannot be created there. */
  static async create(given: string, layout: TarLayout): Promise<FileSink> {
    await assertFile(given);
    // What a link points to is written, and the link stays.
    const path = await realpath(given).catch(() => given);
    const partial = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.partial`);
    const file = await open(partial, 'wx').catch((cause: NodeJS.ErrnoException) => {
      throw unwritable(given, cause);
    });
    const sink = new FileSink(path, partial, layout, file);
    await sink.writeFrame().catch(async (error: unknown) => {
      await sink.abandon();
      throw error;
    });
    return sink;
  }

  async write(file: PlacedFile, content: Readable | Buffer): Promise<void> {
    if (Buffer.isBuffer(content)) return writeFully(this.file, content, file.position);
    let position = file.position;
    let batch: Buffer[] = [];
    let length = 0;
    const write = async (): Promise<void> => {
      await writeAll(this.file, batch, position);
      this.hasWritten(length);
      position += length;
      [batch, length] = [[], 0];
    };
    for await (const chunk of content as AsyncIterable<Buffer>) {
      batch.push(chunk);
      length += chunk.length;
      if (length >= BATCH) await write();
    }
    await write();
  }

  async finish(): Promise<void> {
    await this.syncing;
    if (this.lost) throw unwritable(this.path, this.lost);
    await this.file.sync();
    await this.file.close();
    await rename(this.partial, this.path).catch((cause: NodeJS.ErrnoException) => {
      throw unwritable(this.path, cause);
    });
    await syncFolder(dirname(this.path));
  }

  async abandon(): Promise<void> {
    await this.syncing;
    await this.file.close();
    await rm(this.partial, { force: true });
  }

  /** Most of it is on disk then when the last byte has arrived. */
  private hasWritten(bytes: number): void {
    this.unsynced += bytes;
    if (this.unsynced < SYNCED || this.syncing) return;
    this.unsynced = 0;
    this.syncing = this.file.datasync().then(
      () => (this.syncing = undefined),
      // The system tells it once: a later sync may well succeed.
      (cause: NodeJS.ErrnoException) => (this.lost = cause),
    );
  }

  /** Headers and the end; what lies between them and is not written is zero. */
  private async writeFrame(): Promise<void> {
    await this.file.truncate(this.layout.size).catch((cause: NodeJS.ErrnoException) => {
      throw unwritable(this.path, cause);
    });
    for (const { header, position } of this.layout.files) await writeFully(this.file, header, position - header.length);
  }
}

/** A rename would put a file in the place of a device or a pipe. */
async function assertFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found || found.isFile()) return;
  const kind = found.isDirectory() ? 'a folder' : 'a device or a pipe';
  throw new InvalidArgumentError(`${path} is ${kind}, not a file`, {
    code: found.isDirectory() ? 'EISDIR' : 'NOT_A_FILE',
    hint: 'Name a file, or write into a stream (- for standard output).',
  });
}

function unwritable(path: string, cause: NodeJS.ErrnoException): InvalidArgumentError {
  return new InvalidArgumentError(`${path} cannot be written: ${cause.message}`, { code: cause.code ?? 'FILE', cause });
}

/** In one call to the system, unless it takes only a part of it, which is rare enough for a copy. */
async function writeAll(file: FileHandle, chunks: readonly Buffer[], position: number): Promise<void> {
  const { bytesWritten } = await file.writev(chunks, position);
  const rest = chunks.reduce((sum, { length }) => sum + length, -bytesWritten);
  if (rest > 0) await writeFully(file, Buffer.concat(chunks).subarray(bytesWritten), position + bytesWritten);
}

async function writeFully(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += (await file.write(bytes, written, bytes.length - written, position + written)).bytesWritten;
  }
}

/** A new name is only safe from a power failure when its folder is on disk too; not every system lets a folder be opened. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}
