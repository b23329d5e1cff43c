import type { Readable } from 'node:stream';
import { SNIFF_LENGTH, sniffPacking } from '../compression/sniff.js';
import { InvalidArgumentError, TarReadError } from '../errors.js';
import type { ArchiveSource } from './archive-source.js';
import { StreamCursor } from './stream-cursor.js';
import { unpacked } from './unpacked.js';

/** A stream that may use its buffers again. */
export interface ReusingReadable extends Readable {
  /** Gets chunks back that nobody looks at any more: the very objects that it gave, and not all of them. */
  giveBack?(chunk: Buffer): void;
}

/** A tar that comes through a pipe, plain or packed whole: it can be looked ahead in, and read onwards once. */
export class StreamSource implements Omit<ArchiveSource, 'open' | 'close'> {
  readonly randomAccess = false;

  private constructor(
    readonly name: string,
    private readonly input: ReusingReadable,
    private readonly cursor: StreamCursor,
  ) {}

  /**
   * Waits for the first bytes.
   * @throws TarReadError when `input` fails, or is packed with what this Node cannot unpack
   * @throws InvalidArgumentError when `input` gives something other than bytes
   */
  static async open(input: ReusingReadable): Promise<StreamSource> {
    const name = 'the stream';
    // Whoever reads hears of its failure; when nobody does any more, that must not end the process.
    input.on('error', () => undefined);
    const isOver = !input.errored && (input.destroyed || input.readableEnded);
    if (isOver) throw new TarReadError(`${name} has been read or closed already`);
    const cursor = new StreamCursor(name, bytesOf(input), 'read');
    const packing = sniffPacking(await cursor.peek(SNIFF_LENGTH));
    if (packing === 'none') return new StreamSource(name, input, cursor);
    return new StreamSource(name, input, new StreamCursor(name, unpacked(name, cursor.rest(), packing), 'unpacked'));
  }

  /** Looks ahead: whoever reads next finds the same bytes. What stands before them is gone. */
  async read(position: number, length: number): Promise<Buffer> {
    await this.skipTo(position);
    return Buffer.from(await this.cursor.peek(length));
  }

  /** Up to `most` bytes from `position`, which are gone with that; empty only at the end. */
  async take(position: number, most: number): Promise<Buffer> {
    await this.skipTo(position);
    return this.cursor.next(most);
  }

  /** Nobody looks at what {@link take} gave any more. */
  giveBack(bytes: Buffer): void {
    this.input.giveBack?.(bytes);
  }

  async reaches(end: number): Promise<boolean> {
    await this.cursor.skipTo(end);
    return this.cursor.position >= end;
  }

  checkEnd(): Promise<void> {
    return this.cursor.skipTo(Infinity);
  }

  /** Ends a wait for bytes that do not come, too. */
  close(): void {
    this.cursor.close();
    this.input.destroy();
  }

  private async skipTo(position: number): Promise<void> {
    await this.cursor.skipTo(position);
    if (this.cursor.position > position) throw new TarReadError(`${this.name} cannot be read again`);
  }
}

async function* bytesOf(input: Readable): AsyncGenerator<Buffer> {
  for await (const chunk of input as AsyncIterable<unknown>) {
    if (!(chunk instanceof Uint8Array)) {
      throw new InvalidArgumentError('a stream to push gives bytes, and this one gives something else', {
        hint: 'Leave its encoding unset, and its object mode off.',
      });
    }
    yield Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  }
}
