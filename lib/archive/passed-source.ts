import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { TarReadError } from '../errors.js';
import { streamOf } from '../oci/byte-stream.js';
import { printable } from '../redact.js';
import type { ArchiveSource } from './archive-source.js';
import type { ContentRange } from './content-range.js';

/** Opens a content again that is stored somewhere else by now. */
export type Reopen = () => Readable | Promise<Readable>;

/** What is left of a tar that came through a pipe: small contents in memory, and others wherever they went. */
export class PassedSource implements ArchiveSource {
  readonly randomAccess = true;
  /** By position. */
  private readonly contents = new Map<number, Reopen>();

  constructor(readonly name: string) {}

  /** Says where the content at `position` is from now on. */
  put(position: number, content: Buffer | Reopen): void {
    const open = Buffer.isBuffer(content) ? (): Readable => streamOf(content) : content;
    this.contents.set(position, open);
  }

  /** Only whole contents, and what they begin with. */
  async read(position: number, length: number): Promise<Buffer> {
    const bytes = await buffer(this.open({ name: `byte ${position}`, position, size: length }));
    return bytes.subarray(0, length);
  }

  reaches(): Promise<boolean> {
    return Promise.resolve(true);
  }

  /** Only whole contents. */
  open({ name, position, size }: ContentRange): Readable {
    return Readable.from(this.chunks(name, position, size), { objectMode: false });
  }

  checkEnd(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.contents.clear();
    return Promise.resolve();
  }

  private async *chunks(name: string, position: number, size: number): AsyncGenerator<Buffer> {
    const open = this.contents.get(position);
    if (open) yield* (await open()) as AsyncIterable<Buffer>;
    else if (size > 0) throw notKept(this.name, name);
  }
}

function notKept(archive: string, entry: string): TarReadError {
  return new TarReadError(
    `${printable(entry, 300)} did not look like a part of an image when it passed in ${archive}`,
    {
      hint: 'Push the archive as a file, which can be read again.',
    },
  );
}
