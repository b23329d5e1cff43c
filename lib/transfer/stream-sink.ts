import type { Readable, Writable } from 'node:stream';
import { setImmediate as nextTick } from 'node:timers/promises';
import { type PlacedFile, TarLayout } from '../archive/tar-layout.js';
import { RegistryClientError } from '../errors.js';
import type { ArchiveSink } from './archive-sink.js';

/** Writes an archive into a stream, one content after another in the order of the layout; never ends the stream. */
export class StreamSink implements ArchiveSink {
  readonly randomAccess = false;
  private failure: Error | undefined;
  private readonly onError = (error: Error): void => void (this.failure ??= error);

  /** @param signal - ends the wait for a reader that takes nothing */
  constructor(
    private readonly target: Writable,
    private readonly signal: AbortSignal,
  ) {
    target.on('error', this.onError);
  }

  async write(file: PlacedFile, content: Readable | Buffer): Promise<void> {
    await this.put(file.header);
    const chunks = Buffer.isBuffer(content) ? [content] : (content as AsyncIterable<Buffer>);
    for await (const chunk of chunks) await this.put(chunk);
    await this.put(Buffer.alloc(file.padding));
  }

  /** Resolves when the stream has taken everything, and not when it has room for it. */
  async finish(): Promise<void> {
    this.failIfBroken();
    await this.wait((done) => {
      this.target.write(TarLayout.END, done);
      return () => undefined;
    });
    this.target.off('error', this.onError);
  }

  /** What has been written cannot be taken back; without its end a tar is not complete. */
  async abandon(): Promise<void> {
    // The error that broke the stream may still be on its way.
    await nextTick();
    this.target.off('error', this.onError);
  }

  private async put(chunk: Buffer): Promise<void> {
    this.failIfBroken();
    if (chunk.length === 0 || this.target.write(chunk)) return;
    await this.wait((done) => {
      this.target.on('drain', done).on('close', done);
      return () => this.target.off('drain', done).off('close', done);
    });
  }

  /** Until `listen` calls back; a reader that takes nothing is not waited for when the pull is over. */
  private async wait(listen: (done: () => void) => () => unknown): Promise<void> {
    const { signal } = this;
    signal.throwIfAborted();
    await new Promise<void>((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        resolve();
        stop();
      };
      const stop = listen(done);
      signal.addEventListener('abort', done);
    });
    signal.throwIfAborted();
    this.failIfBroken();
  }

  private failIfBroken(): void {
    if (this.failure) throw this.failure;
    const { destroyed, writableEnded } = this.target;
    if (!destroyed && !writableEnded) return;
    throw new RegistryClientError('the stream was closed before the archive was complete', { code: 'STREAM_CLOSED' });
  }
}
