import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { AnswerBody } from './answer-body.js';
import type { Connections } from './connections.js';
import { IdleTimer } from './idle-timer.js';
import { networkError, timeoutError } from './network-error.js';
import { onAbort } from './on-abort.js';
import { type Patience, RequestBodyPump } from './request-body-pump.js';
import { holdResponse } from './response-body.js';
import { isLimited, uncounted } from './time-limit.js';
import { isRepeatable, LINGER, type TransportRequest, type TransportResponse } from './transport.js';
import { raceSignal } from './waiting.js';

/** Sends a request with the HTTP client of the house. Resolves with the head of the answer, whatever its status. */
export type Perform = (
  request: TransportRequest,
  body: RequestBodyPump | undefined,
  signal: AbortSignal,
  onRequest: (sent: ClientRequest) => void,
) => Promise<IncomingMessage & { req: ClientRequest }>;

/** Milliseconds an answer to an unfinished upload may take to arrive before its connection is given up. */
const EARLY_ANSWER = 2000;

/** Milliseconds for the body of an answer that whoever asked no longer waits for. */
const LATE_BODY = 100;

/** What a server that goes on reading may say before it has everything. Another one, of a web page for example, reads no more. */
const TAKEN = new Set<number | undefined>([201, 202]);

/** No more than this has left when a connection turns out to have been closed already: one read of a source. */
const FIRST_BYTES = 1024 * 1024;

/** One request and its answer: opens the body and closes it again, watches the clock, and says what went wrong. */
export class Exchange {
  /**
   * Whether it failed because the server had closed the connection, kept from an earlier request, before it saw this one.
   * Nothing has happened then, and it may be sent again. Source: RFC 9112 §9.3.1. Not so the content of an upload: a server
   * that broke off in its midst looks the same, and would add what comes now to what it has.
   */
  isStale = false;
  private readonly abort = new AbortController();
  private readonly idle = new IdleTimer((ms, doing) => this.abort.abort(timeoutError(this.request, ms, doing)));
  private body: RequestBodyPump | undefined;
  private sent: ClientRequest | undefined;
  private lingering: NodeJS.Timeout | undefined;
  private endTurn = (): void => undefined;
  private readonly giveUp = (): void => {
    this.abort.abort(timeoutError(this.request, this.patience.answer, 'waiting for a free connection'));
  };

  constructor(
    private readonly request: TransportRequest,
    private readonly perform: Perform,
    private readonly patience: Patience,
    private readonly connections: Connections,
  ) {}

  /** @throws the signal's reason; whatever the body fails with; RegistryError when no answer came */
  async run(): Promise<TransportResponse> {
    const stopListening = onAbort(this.request.signal, (reason) => this.leave(reason));
    try {
      const source = await this.openBody();
      if (source) this.body = new RequestBodyPump(source, this.request.body?.size, this.idle, this.patience);
      return await this.send();
    } finally {
      this.idle.stop();
      clearTimeout(this.lingering);
      stopListening();
      this.body?.stop();
      this.endTurn();
    }
  }

  /** A request that is not all out need not be seen by the server. */
  private leave(reason: unknown): void {
    const leave = (): void => this.abort.abort(reason);
    if (this.request.lingers && this.sent?.writableFinished) this.lingering = setTimeout(leave, LINGER);
    else leave();
  }

  private async openBody(): Promise<Readable | undefined> {
    const opening = Promise.resolve(this.request.body?.open());
    try {
      return await raceSignal(opening, this.abort.signal);
    } catch (error) {
      opening.then(
        (late) => late?.on('error', () => undefined).destroy(),
        () => undefined,
      );
      throw error;
    }
  }

  private async send(): Promise<TransportResponse> {
    try {
      this.endTurn = await uncounted(this.request.signal, () => this.turn());
      const answer = await this.perform(this.request, this.body, this.abort.signal, (sent) => void this.watch(sent));
      const isEarly = this.body !== undefined && !this.body.isComplete;
      if (isEarly && !TAKEN.has(answer.statusCode)) return await this.early(answer);
      if (isEarly) await this.sendRest();
      if (this.lingering) return await this.late(answer);
      return this.response(answer, new AnswerBody(answer, this.request, this.patience.idle));
    } catch (error) {
      throw this.explained(error);
    }
  }

  private turn(): Promise<() => void> {
    return this.connections.enter(this.request.url, this.abort.signal, this.patience.answer, this.giveUp);
  }

  /** While all connections are taken, nobody is slow but us: the clocks start with a connection. */
  private async watch(sent: ClientRequest): Promise<void> {
    this.sent = sent;
    const { answer } = this.patience;
    await uncounted(this.request.signal, () => this.connections.wait(sent, answer, this.giveUp));
    if (!this.body && !sent.destroyed) this.idle.start(this.answerTime, 'waiting for the answer');
  }

  /** What a transfer only reads needs nothing to be hashed and stored first; a metadata call has a time of its own. */
  private get answerTime(): number {
    const { method, signal } = this.request;
    const isDownload = (method === 'GET' || method === 'HEAD') && !isLimited(signal);
    return isDownload ? this.patience.idle : this.patience.answer;
  }

  /** Nobody will read the rest of the body: without an end by us it would keep its connection occupied. */
  private async early(answer: IncomingMessage & { req: ClientRequest }): Promise<TransportResponse> {
    this.idle.stop();
    const held = await holdResponse(this.response(answer, answer), EARLY_ANSWER);
    answer.req.destroy();
    this.abort.signal.throwIfAborted();
    return held;
  }

  /** Whoever asked has left but for the head. A short body is read, so that the connection is there for what follows. */
  private late(answer: IncomingMessage): Promise<TransportResponse> {
    const request = { ...this.request, signal: undefined };
    return holdResponse(this.response(answer, new AnswerBody(answer, request, LATE_BODY)), LATE_BODY);
  }

  /** Some registries say yes before they have read everything. What does not go out then cannot have been stored. */
  private async sendRest(): Promise<void> {
    await this.body?.finished();
    if (this.body?.isComplete) return;
    throw Object.assign(new Error('the connection was closed in the middle of the body'), { code: 'ECONNRESET' });
  }

  private response(answer: IncomingMessage, body: Readable): TransportResponse {
    return { status: answer.statusCode ?? 0, url: this.request.url, headers: headersOf(answer), body };
  }

  /** Which of several failures to report: the caller's abort or our clock, the content's own, and only then the socket's. */
  private explained(error: unknown): unknown {
    const { signal } = this.request;
    if (signal?.aborted) return signal.reason;
    if (this.abort.signal.aborted) return this.abort.signal.reason;
    if (this.body?.failure) return this.body.failure;
    const isSafe = this.body === undefined || (isRepeatable(this.request) && this.body.sent <= FIRST_BYTES);
    this.isStale = isSafe && isReset(error);
    return networkError(this.request, error);
  }
}

/** A connection used before that ended without a byte of an answer. */
function isReset(error: unknown): boolean {
  const { code, request } = error as { code?: string; request?: ClientRequest & { res?: IncomingMessage } };
  return request?.reusedSocket === true && !request.res && (code === 'ECONNRESET' || code === 'EPIPE');
}

function headersOf(answer: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return headers;
}
