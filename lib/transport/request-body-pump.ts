import type { ClientRequest } from 'node:http';
import type { Readable } from 'node:stream';
import { RegistryClientError } from '../errors.js';

type Listener = (...args: unknown[]) => void;

/**
 * A request body in the shape axios takes for a stream: something with `pipe`, `on` and `once`. Writing it ourselves
 * costs no extra stream in between, counts what goes out (a body shorter than its Content-Length hangs until the server
 * gives up), and closes the source whatever happens (axios never does).
 */
export class RequestBodyPump {
  /** Bytes handed to the socket. */
  sent = 0;
  /** The source's own failure, which explains a broken request better than the socket's. */
  failure: Error | undefined;
  /** Whether every byte has been handed over. */
  isComplete = false;
  private pumping: Promise<void> | undefined;
  private isStopped = false;

  /** @param onProgress - called after every chunk, and once more after the last with `true` */
  constructor(
    private readonly source: Readable,
    private readonly size: number | undefined,
    private readonly onProgress: (isComplete: boolean) => void,
  ) {}

  /** Called by axios once the request exists. */
  pipe(request: ClientRequest): void {
    this.pumping = this.pump(request).catch((error: Error) => {
      if (!this.isStopped) this.failure = error;
      request.destroy(error);
    });
  }

  /** Axios listens for the source's events here; `pump` reports them itself. */
  on(_event: string, _listener: Listener): this {
    return this;
  }

  once(_event: string, _listener: Listener): this {
    return this;
  }

  /** Resolves when the last byte is out, or the source has failed. */
  async finished(): Promise<void> {
    await this.pumping;
  }

  /** Closes the source; resolves when nothing is read from it any more. */
  async stop(): Promise<void> {
    this.isStopped = true;
    this.source.destroy();
    await this.pumping;
  }

  private async pump(request: ClientRequest): Promise<void> {
    for await (const chunk of this.source as AsyncIterable<Buffer>) {
      if (request.destroyed) return;
      this.sent += chunk.length;
      if (this.size !== undefined && this.sent > this.size) throw wrongSize(this.size, `more than ${this.size}`);
      if (!request.write(chunk)) await drained(request);
      this.onProgress(false);
    }
    if (this.size !== undefined && this.sent !== this.size) throw wrongSize(this.size, `only ${this.sent}`);
    if (request.destroyed) return;
    this.isComplete = true;
    this.onProgress(true);
    request.end();
  }
}

function drained(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      request.off('drain', done).off('close', done);
      resolve();
    };
    if (request.destroyed) return resolve();
    request.on('drain', done).on('close', done);
  });
}

function wrongSize(promised: number, actual: string): RegistryClientError {
  return new RegistryClientError(`the content to send was promised with ${promised} bytes but has ${actual}`, {
    code: 'BODY_SIZE_MISMATCH',
    hint: 'It changed while it was read.',
  });
}
