import { Readable } from 'node:stream';
import { TarReadError } from '../errors.js';
import { inPooled } from '../oci/in-pooled.js';
import { printable } from '../redact.js';
import { CHUNK, cutShort } from './content-range.js';
import type { StreamSource } from './stream-source.js';
import type { TarEntry } from './tar-entry.js';

/** Bytes that are kept to be read again: a registry that wants other credentials, or sends us elsewhere, says so early. */
const KEPT_BYTES = 4 * 1024 * 1024;
/** A stream may come byte by byte. */
const KEPT_PIECES = 4096;

/** The content of one entry while it passes. */
export class PassingContent {
  /** Resolves when the last byte has been read; what comes behind it can be read then. */
  readonly passed: Promise<void>;
  private readonly giveBack = (bytes: Buffer): void => this.source.giveBack(bytes);
  private markPassed: () => void = () => undefined;
  private readonly pieces: Promise<Buffer>[] = [];
  private count = 0;
  private read = 0;
  private opened = 0;

  constructor(
    private readonly source: StreamSource,
    private readonly entry: Pick<TarEntry, 'name' | 'position' | 'size'>,
  ) {
    this.passed = new Promise((resolve) => (this.markPassed = resolve));
  }

  /** The first bytes, up to `length` of them. Only before it is opened. */
  start(length: number): Promise<Buffer> {
    const { position, size } = this.entry;
    return this.source.read(position, Math.min(size, length));
  }

  /** Whether not so much has passed that the beginning is gone. */
  get canOpen(): boolean {
    return this.pieces.length === this.count;
  }

  /** The bytes, from the start; a stream opened before gets no more. The stream fails when it is too late for that. */
  open(): Readable {
    // A pipe gives 64 KiB at a time.
    return Readable.from(inPooled(this.chunks(++this.opened)), { objectMode: false, highWaterMark: CHUNK });
  }

  /** Lets go of what is kept: nobody will open it again, and whoever did has read it. */
  release(): void {
    for (const piece of this.pieces.splice(0)) piece.then(this.giveBack, () => undefined);
  }

  private async *chunks(turn: number): AsyncGenerator<Buffer> {
    if (!this.canOpen) throw this.gone();
    for (let i = 0; ; i++) {
      const piece = await (i < this.count ? this.pieces[i] : this.next());
      if (turn !== this.opened) throw this.gone();
      if (!piece?.length) return;
      yield piece;
      // It has been copied by now.
      if (!this.canOpen) this.giveBack(piece);
    }
  }

  /** A promise is what is kept, so that whoever opens next misses nothing that somebody before them still waits for. */
  private next(): Promise<Buffer> {
    const piece = this.take();
    piece.catch(() => undefined);
    this.count += 1;
    if (this.canKeep()) this.pieces.push(piece);
    else this.release();
    return piece;
  }

  private canKeep(): boolean {
    return this.pieces.length === this.count - 1 && this.count <= KEPT_PIECES && this.read <= KEPT_BYTES;
  }

  private async take(): Promise<Buffer> {
    const { name, position, size } = this.entry;
    if (this.read === size) return Buffer.alloc(0);
    const piece = await this.source.take(position + this.read, size - this.read);
    if (piece.length === 0) throw cutShort(this.source.name, name);
    this.read += piece.length;
    if (this.read === size) this.markPassed();
    return piece;
  }

  private gone(): TarReadError {
    const name = printable(this.entry.name, 300);
    return new TarReadError(`${name} has passed and cannot be read from ${this.source.name} again`, {
      hint: 'Push the archive as a file, which can be read again.',
    });
  }
}
