import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { BlobWriter, ByteRange } from './store.js';

/** Bytes read from a file at once. */
const READ_SIZE = 1024 * 1024;

/** Takes a file that is whole and on the disk, and gives it its place. */
export type Keep = (path: string, repository: string, digest: string) => Promise<void>;

/**
 * Content on its way into a file of its own, a chunk at a time. The file is there from the first chunk on, so that uploads which
 * were started and forgotten hold no file open.
 */
export class FileWriter implements BlobWriter {
  private size = 0;
  private isOver = false;
  private opening: Promise<FileHandle> | undefined;

  /** @param unfinished - it is in there until it is committed or discarded */
  constructor(
    private readonly path: string,
    private readonly keep: Keep,
    private readonly unfinished = new Set<FileWriter>(),
  ) {
    unfinished.add(this);
  }

  async write(chunk: Buffer): Promise<void> {
    const file = await this.open();
    for (let at = 0; at < chunk.length;) {
      const { bytesWritten } = await file.write(chunk, at, chunk.length - at, this.size + at);
      at += bytesWritten;
    }
    this.size += chunk.length;
  }

  read(): Readable {
    return readFileRange(this.path, { start: 0, end: this.size - 1 });
  }

  async commit(repository: string, digest: string): Promise<void> {
    try {
      const file = await this.open();
      // A chunk that failed half-way may have left bytes behind.
      await file.truncate(this.size);
      await file.sync();
      await this.close();
      await this.keep(this.path, repository, digest);
    } finally {
      await this.discard();
    }
  }

  async discard(): Promise<void> {
    await this.close();
    await rm(this.path, { force: true });
  }

  /** What could not be opened, for want of file descriptors perhaps, may be opened by the next chunk. */
  private async open(): Promise<FileHandle> {
    if (this.isOver) throw new Error('the upload is over');
    this.opening ??= open(this.path, 'wx');
    try {
      return await this.opening;
    } catch (error) {
      this.opening = undefined;
      throw error;
    }
  }

  private async close(): Promise<void> {
    if (this.isOver) return;
    this.isOver = true;
    this.unfinished.delete(this);
    const file = await this.opening?.catch(() => undefined);
    await file?.close();
  }
}

/** The bytes of `range`, which may be empty: its end one before its start. */
export function readFileRange(path: string, { start, end }: ByteRange): Readable {
  return end < start
    ? Readable.from([], { objectMode: false })
    : createReadStream(path, { start, end, highWaterMark: READ_SIZE });
}
