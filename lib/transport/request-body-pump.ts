import type { EventEmitter } from 'node:events';
import type { ClientRequest } from 'node:http';
import type { Readable } from 'node:stream';
import { RegistryClientError } from '../errors.js';
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
    for await (const chunk of this.source as AsyncIterable<Uint8Array | string>) {
      if (request.destroyed) return;
      const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk);
      this.sent += bytes.length;
      if (this.size !== undefined && this.sent > this.size) throw wrongSize(this.size, `more than ${this.size}`);
      if (!request.write(bytes)) await this.drained(request);
    }
    if (this.size !== undefined && this.sent !== this.size) throw wrongSize(this.size, `only ${this.sent}`);
    if (request.destroyed) return;
    this.isComplete = true;
    this.idle.start(this.patience.answer, 'waiting for the answer');
    request.end();
  }

  /** Node passes the socket's event on to the request only until the answer is complete, and some answers come early. */
  private async drained(request: ClientRequest): Promise<void> {
    this.idle.start(this.patience.idle, 'sending');
    await orClosed(request, 'drain', request.socket ?? request);
    this.idle.stop();
  }
}

/** Waiting for a free connection is not silence of the server, and needs no byte of the source. */
async function connection(request: ClientRequest): Promise<void> {
  if (!request.socket) await orClosed(request, 'socket', request);
}

function closed(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => request.once('close', resolve));
}

/** Resolves with the event, or the end of the request. */
function orClosed(request: ClientRequest, event: 'drain' | 'socket', emitter: EventEmitter): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      emitter.off(event, done);
      request.off('close', done);
      resolve();
    };
    if (request.destroyed) return resolve();
    emitter.on(event, done);
    request.on('close', done);
  });
}

function wrongSize(promised: number, actual: string): RegistryClientError {
  return new RegistryClientError(`the content to send was promised with ${promised} bytes but has ${actual}`, {
    code: 'BODY_SIZE_MISMATCH',
    hint: 'It changed while it was read.',
  });
}
