import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { BlobWriter, ByteRange } from './store.js';

/** Bytes read from a file at once. */
const READ_SIZE = 1024 * 1024;

/** Takes a file that is whole and on the disk, and gives it its place. */
export type Keep = (path: string, repository: string, digest: string) => Promise<void>;

/** Content on its way into a file of its own, a chunk at a time. */
export class FileWriter implements BlobWriter {
  private size = 0;
  private isOver = false;

  private constructor(
    private readonly path: string,
    private readonly file: FileHandle,
    private readonly keep: Keep,
    private readonly unfinished: Set<FileWriter>,
  ) {
    unfinished.add(this);
  }

  /** @param unfinished - it is in there until it is committed or discarded */
  static async create(path: string, keep: Keep, unfinished = new Set<FileWriter>()): Promise<FileWriter> {
    return new FileWriter(path, await open(path, 'wx'), keep, unfinished);
  }

  async write(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      const { bytesWritten } = await this.file.write(chunk, at, chunk.length - at, this.size + at);
      at += bytesWritten;
    }
    this.size += chunk.length;
  }

  read(): Readable {
    return readFileRange(this.path, { start: 0, end: this.size - 1 });
  }

  async commit(repository: string, digest: string): Promise<void> {
    try {
      // A chunk that failed half-way may have left bytes behind.
      await this.file.truncate(this.size);
      await this.file.sync();
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

  private async close(): Promise<void> {
    if (this.isOver) return;
    this.isOver = true;
    this.unfinished.delete(this);
    await this.file.close();
  }
}

/** The bytes of `range`, which may be empty: its end one before its start. */
export function readFileRange(path: string, { start, end }: ByteRange): Readable {
  return end < start
    ? Readable.from([], { objectMode: false })
    : createReadStream(path, { start, end, highWaterMark: READ_SIZE });
}
