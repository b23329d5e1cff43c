import { Readable } from 'node:stream';

/** Chunks whose bytes are gone as soon as they are given back. */
export class ReusingStream extends Readable {
  /** Bytes that were given back. */
  returned = 0;
  private readonly lent = new Set<Buffer>();
  private at = 0;

  /** @param size - bytes of a chunk */
  constructor(
    private readonly bytes: Buffer,
    private readonly size: number,
  ) {
    super({ objectMode: true, highWaterMark: 1 });
  }

  override _read(): void {
    if (this.at >= this.bytes.length) return void this.push(null);
    const chunk = Buffer.from(this.bytes.subarray(this.at, this.at + this.size));
    this.at += chunk.length;
    this.lent.add(chunk);
    this.push(chunk);
  }

  giveBack(chunk: Buffer): void {
    if (!this.lent.delete(chunk)) return;
    this.returned += chunk.length;
    chunk.fill(0xff);
  }
}
