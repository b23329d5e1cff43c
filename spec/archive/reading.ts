import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { SizedSource } from '../../lib/archive/archive-source.js';
import { BufferSource } from '../../lib/archive/buffer-source.js';
import type { ContentRange } from '../../lib/archive/content-range.js';
import { type ArchiveContents, readArchive } from '../../lib/archive/image-archive.js';
import { TarArchive } from '../../lib/archive/tar-archive.js';
import { TarIndex } from '../../lib/archive/tar-index.js';
import { imageTar, type ImageTarOptions } from '../support/image-tar.js';
import { buildTar, type TarEntry, type TarOptions } from '../support/tar-builder.js';

/** What `work` fails with; anything it does instead fails the spec. */
export async function errorOf(work: Promise<unknown> | (() => unknown)): Promise<Error> {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not fail');
}

export async function bytesOf(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export function indexOf(entries: readonly TarEntry[], options?: TarOptions): Promise<TarIndex> {
  return TarIndex.read(new BufferSource(buildTar(entries, options)));
}

export async function contentsOf(entries: readonly TarEntry[]): Promise<ArchiveContents> {
  return readArchive(await indexOf(entries));
}

export function openImage(options: ImageTarOptions): Promise<TarArchive> {
  return TarArchive.open(imageTar(options).tar);
}

/** `entry message` of every problem that reading everything finds. */
export async function problemsOf(options: ImageTarOptions): Promise<string[]> {
  const archive = await openImage(options);
  const { problems } = await archive.validate();
  return problems.map(({ entry, message }) => `${entry} ${message}`);
}

/** A file that is gone when `work` is done. */
export async function withFile<T>(bytes: Uint8Array | string, work: (path: string) => Promise<T>): Promise<T> {
  return withFolder(async (folder) => {
    const path = join(folder, 'app.tar');
    await writeFile(path, bytes);
    return work(path);
  });
}

export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'archive-spec-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Passes everything on, and counts it. */
export class CountingSource implements SizedSource {
  bytesRead = 0;
  reads = 0;
  readonly streams: Readable[] = [];

  constructor(private readonly source: SizedSource) {}

  get name(): string {
    return this.source.name;
  }

  get randomAccess(): boolean {
    return this.source.randomAccess;
  }

  get size(): number {
    return this.source.size;
  }

  async read(position: number, length: number): Promise<Buffer> {
    const bytes = await this.source.read(position, length);
    this.reads += 1;
    this.bytesRead += bytes.length;
    return bytes;
  }

  reaches(end: number): Promise<boolean> {
    return this.source.reaches(end);
  }

  open(range: ContentRange): Readable {
    const stream = this.source.open(range);
    this.streams.push(stream);
    return stream.on('data', (chunk: Buffer) => (this.bytesRead += chunk.length));
  }

  /** How often content was opened. */
  get opened(): number {
    return this.streams.length;
  }

  checkEnd(): Promise<void> {
    return this.source.checkEnd();
  }

  close(): Promise<void> {
    return this.source.close();
  }
}
