import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { type PlacedFile, TarLayout } from '../archive/tar-layout.js';
import type { ArchiveSink } from './archive-sink.js';

/** Writes an archive into a stream, one content after another in the order of the layout; never ends the stream. */
export class StreamSink implements ArchiveSink {
  readonly randomAccess = false;
  private failure: Error | undefined;

  constructor(private readonly target: Writable) {
    target.once('error', (error: Error) => (this.failure = error));
  }

  async write(file: PlacedFile, content: Readable | Buffer): Promise<void> {
    await this.put(file.header);
    const chunks = Buffer.isBuffer(content) ? [content] : (content as AsyncIterable<Buffer>);
    for await (const chunk of chunks) await this.put(chunk);
    await this.put(Buffer.alloc(file.padding));
  }

  finish(): Promise<void> {
    return this.put(TarLayout.END);
  }

  /** What has been written cannot be taken back; without its end a tar is not complete. */
  abandon(): Promise<void> {
    return Promise.resolve();
  }

  private async put(chunk: Buffer): Promise<void> {
    this.failIfBroken();
    if (chunk.length === 0 || this.target.write(chunk)) return;
    await Promise.race([once(this.target, 'drain'), once(this.target, 'close')]);
    this.failIfBroken();
    if (this.target.destroyed) throw new Error('the stream was closed before the archive was complete');
  }

  private failIfBroken(): void {
    if (this.failure) throw this.failure;
  }
}
