import { Readable } from 'node:stream';
import type { Packing } from '../compression/sniff.js';
import { TarReadError } from '../errors.js';
import type { ArchiveSource, SizedSource } from './archive-source.js';
import { CHUNK, type ContentRange, shortened } from './content-range.js';
import { StreamCursor } from './stream-cursor.js';
import { unpacked } from './unpacked.js';

/** Small contents for which the tar is unpacked from its start again; an archive that needs more is made to waste time. */
const MAX_RETURNS = 20;

/**
 * A whole tar inside gzip or zstd (`docker save app | gzip`), read without unpacking it to disk. The last cursor is kept,
 * so reading onwards costs nothing twice; going back, or reading two places at once, unpacks from the start again.
 */
export class PackedSource implements ArchiveSource {
  readonly randomAccess = false;
  private idle: StreamCursor | undefined;
  private isClosed = false;
  private returns = 0;

  /** @param packed - the bytes as they are stored */
  constructor(
    private readonly packed: SizedSource,
    private readonly packing: Packing,
  ) {}

  get name(): string {
    return this.packed.name;
  }

  async read(position: number, length: number): Promise<Buffer> {
    if (this.idle && this.idle.position > position && ++this.returns > MAX_RETURNS) throw tooManyReturns(this.name);
    const cursor = await this.cursorAt(position);
    const bytes = await cursor.read(length);
    this.giveBack(cursor);
    return bytes;
  }

  async reaches(end: number): Promise<boolean> {
    const isPassed = (this.idle?.position ?? 0) >= end;
    return isPassed || (await this.read(end - 1, 1)).length === 1;
  }

  open(range: ContentRange): Readable {
    return Readable.from(this.chunks(range), { objectMode: false, highWaterMark: CHUNK });
  }

  async checkEnd(): Promise<void> {
    const cursor = this.takeIdle() ?? this.restart();
    await cursor.skipTo(Infinity);
    this.giveBack(cursor);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.takeIdle()?.close();
    await this.packed.close();
  }

  private async *chunks({ name, position, size }: ContentRange): AsyncGenerator<Buffer> {
    const cursor = await this.cursorAt(position);
    const end = position + size;
    try {
      while (cursor.position < end) {
        const chunk = await cursor.next(end - cursor.position);
        if (chunk.length === 0) throw shortened(this.name, name);
        yield chunk;
      }
    } finally {
      this.giveBack(cursor);
    }
  }

  private async cursorAt(position: number): Promise<StreamCursor> {
    const kept = this.takeIdle();
    const isBehind = kept !== undefined && kept.position > position;
    if (isBehind) kept.close();
    const cursor = kept === undefined || isBehind ? this.restart() : kept;
    await cursor.skipTo(position);
    return cursor;
  }

  private takeIdle(): StreamCursor | undefined {
    const { idle } = this;
    this.idle = undefined;
    return idle;
  }

  private giveBack(cursor: StreamCursor): void {
    this.takeIdle()?.close();
    if (this.isClosed || cursor.hasFailed) cursor.close();
    else this.idle = cursor;
  }

  private restart(): StreamCursor {
    const { name, size } = this.packed;
    const packed = this.packed.open({ name: 'the packed tar', position: 0, size });
    return new StreamCursor(name, unpacked(name, packed, this.packing), 'unpacked');
  }
}

function tooManyReturns(archive: string): TarReadError {
  return new TarReadError(`${archive} would have to be unpacked more than ${MAX_RETURNS} times to be read`, {
    hint: 'Unpack it first.',
  });
}
