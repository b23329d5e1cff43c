import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { IdleTimer } from './idle-timer.js';
import { networkError, timeoutError } from './network-error.js';
import { onAbort } from './on-abort.js';
import type { TransportRequest } from './transport.js';

/**
 * The body of an answer, given up when the server goes silent in it; a consumer that pauses is not a silent server.
 * Destroyed before its end, it takes the connection along at once.
 */
export class AnswerBody extends Readable {
  private readonly idle: IdleTimer;
  private stopListening = (): void => undefined;

  /** @param idleTimeout - milliseconds */
  constructor(
    private readonly answer: IncomingMessage,
    request: TransportRequest,
    private readonly idleTimeout: number,
  ) {
    super({ highWaterMark: 256 * 1024 });
    this.idle = new IdleTimer((ms, doing) => this.destroy(timeoutError(request, ms, doing)));
    // Whoever reads later is told then; with no listener at all the process would end.
    this.on('error', () => undefined);
    answer.pause();
    answer.on('data', (chunk: Buffer) => this.receive(chunk));
    answer.once('end', () => this.push(null));
    answer.once('error', (error) => this.destroy(networkError(request, error, 'broke off in its answer')));
    this.stopListening = onAbort(request.signal, (reason) => this.destroy(reason as Error));
  }

  override _read(): void {
    this.idle.start(this.idleTimeout, 'receiving');
    this.answer.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.idle.stop();
    this.stopListening();
    if (!this.answer.readableEnded) this.answer.destroy();
    done(error);
  }

  private receive(chunk: Buffer): void {
    this.idle.stop();
    if (this.push(chunk)) return;
    this.answer.pause();
  }
}
