import type { ClientRequest } from 'node:http';
import type { Readable } from 'node:stream';
import { RegistryClientError } from '../errors.js';
import { pooledWrite } from '../oci/pooled-write.js';
import type { IdleTimer } from './idle-timer.js';

type Listener = (...args: unknown[]) => void;

/** Milliseconds. */
export interface Patience {
  /** Without a byte moving. */
  idle: number;
  /** For the answer, once everything is sent. */
  answer: number;
}

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
  /** Chunks that the server has not taken yet. */
  private waiting = 0;

  /** @param idle - runs while the server is to take bytes or to answer, and rests while the source is read */
  constructor(
    private readonly source: Readable,
    private readonly size: number | undefined,
    private readonly idle: IdleTimer,
    private readonly patience: Patience,
  ) {
    // It may fail before axios asks for the first byte; `pump` hears of it then.
    source.on('error', () => undefined);
  }

  /** Called by axios once the request exists. */
  pipe(request: ClientRequest): void {
    const fail = (error: Error): void => {
      if (!request.destroyed) this.failure = error;
      request.destroy(error);
    };
    // Also while the server takes its time, or nobody would hear of it before that is over.
    this.source.once('error', fail);
    const pumped = this.pump(request).catch(fail);
    // A source that is stuck must not hold up the end of a request.
    this.pumping = Promise.race([pumped, closed(request)]);
  }

  /** Axios listens for the source's events here; `pump` reports them itself. */
  on(_event: string, _listener: Listener): this {
    return this;
  }

  once(_event: string, _listener: Listener): this {
    return this;
  }

  /** Resolves when the last byte is out, the source has failed, or the connection is closed. */
  async finished(): Promise<void> {
    await this.pumping;
  }

  /** Closes the source. */
  stop(): void {
    this.source.destroy();
  }

  private async pump(request: ClientRequest): Promise<void> {
    await connection(request);
    // While one chunk is on its way, the next is got ready: the connection never has to wait for us.
    let before: Promise<void> | undefined;
    for await (const chunk of this.source as AsyncIterable<Uint8Array | string>) {
      if (request.destroyed) return;
      const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk);
      this.sent += bytes.length;
      if (this.size !== undefined && this.sent > this.size) throw wrongSize(this.size, `more than ${this.size}`);
      const written = this.write(request, bytes);
      await before;
      before = written;
    }
    if (this.size !== undefined && this.sent !== this.size) throw wrongSize(this.size, `only ${this.sent}`);
    await before;
    if (request.destroyed) return;
    this.isComplete = true;
    this.idle.start(this.patience.answer, 'waiting for the answer');
    request.end();
  }

  /** @returns when there is no room for more: resolves once the server has taken these bytes, or never will */
  private async write(request: ClientRequest, bytes: Buffer): Promise<void> {
    const written = pooledWrite(request, bytes);
    if (!written) return;
    if (this.waiting++ === 0) this.watch();
    await written;
    this.waiting -= 1;
    this.watch();
  }

  private watch(): void {
    if (this.waiting > 0) this.idle.start(this.patience.idle, 'sending');
    else this.idle.stop();
  }
}

/** Waiting for a free connection is not silence of the server, and needs no byte of the source. */
async function connection(request: ClientRequest): Promise<void> {
  if (request.socket || request.destroyed) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      request.off('socket', done).off('close', done);
      resolve();
    };
    request.on('socket', done).on('close', done);
  });
}

function closed(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => request.once('close', resolve));
}

function wrongSize(promised: number, actual: string): RegistryClientError {
  return new RegistryClientError(`the content to send was promised with ${promised} bytes but has ${actual}`, {
    code: 'BODY_SIZE_MISMATCH',
    hint: 'It changed while it was read.',
  });
}
