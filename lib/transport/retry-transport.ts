import { isUnanswered } from '../errors.js';
import { discard } from './discard.js';
import { readWhole } from './response-body.js';
import { isTransient, retryAfter } from './retry-after.js';
import { sleep, uncounted } from './time-limit.js';
import { isRepeatable, type Transport, type TransportRequest, type TransportResponse } from './transport.js';

/** How often and how fast requests are repeated. */
export interface RetryOptions {
  /** Tries after the first. Default 4. */
  retries?: number;
  /** Milliseconds before the first retry, doubled for each one after it, with full jitter. Default 300. */
  baseDelay?: number;
  /** The longest pause of our own, in milliseconds. Default 10 000. */
  maxDelay?: number;
  /** The longest pause a server may ask for, in milliseconds; a longer one ends the tries. Default 60 000. */
  maxRetryAfter?: number;
  /** Replaces the clock in specs. */
  sleep?: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}

/** Milliseconds for which a wish to slow down is remembered. */
const THROTTLED = 10_000;

/** What became of one try. */
type Outcome = { response: TransportResponse } | { error: unknown };

/**
 * Sends again what may be sent again: after a broken connection, or a status that passes. The pause before it holds for
 * every request to that origin, or parallel uploads would multiply the load the registry complains about.
 */
export class RetryTransport implements Transport {
  private readonly options: Required<RetryOptions>;
  private readonly pausedUntil = new Map<string, number>();
  /** How many wait now, by origin. */
  private readonly waiting = new Map<string, number>();
  private throttledUntil = 0;

  /** `inner` sends each try. */
  constructor(
    private readonly inner: Transport,
    options: RetryOptions = {},
  ) {
    const { retries = 4, baseDelay = 300, maxDelay = 10_000, maxRetryAfter = 60_000 } = options;
    this.options = { retries, baseDelay, maxDelay, maxRetryAfter, sleep: options.sleep ?? sleep };
  }

  async send(request: TransportRequest): Promise<TransportResponse> {
    for (let attempt = 0; ; attempt++) {
      // An answer may come to somebody who has left: see `lingers`. Below, a token might be asked for before anything is refused.
      request.signal?.throwIfAborted();
      if (!isGivingBack(request)) await this.pauseOver(request);
      const outcome = await this.attempt(request);
      const wait = this.waitAfter(outcome, attempt);
      if (wait !== undefined) this.pause(request.url, wait);
      if (wait === undefined || attempt >= this.options.retries || !isRepeatable(request)) return settled(outcome);
      if ('response' in outcome) discard(outcome.response);
    }
  }

  isThrottled(): boolean {
    return performance.now() < this.throttledUntil;
  }

  async close(): Promise<void> {
    await this.inner.close?.();
  }

  /** For `await using`: as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async attempt(request: TransportRequest): Promise<Outcome> {
    try {
      const response = await this.inner.send(request);
      return { response: request.wholeUpTo === undefined ? response : await readWhole(response, request.wholeUpTo) };
    } catch (error) {
      return { error };
    }
  }

  /** Milliseconds to wait before another try, or `undefined` when this outcome is final. */
  private waitAfter(outcome: Outcome, attempt: number): number | undefined {
    const backoff = Math.random() * Math.min(this.options.baseDelay * 2 ** attempt, this.options.maxDelay);
    if ('error' in outcome) return isUnanswered(outcome.error) ? backoff : undefined;
    const { status } = outcome.response;
    if (!isTransient(status)) return undefined;
    if (status === 429 || status === 503) this.throttledUntil = performance.now() + THROTTLED;
    const asked = retryAfter(outcome.response.headers) ?? 0;
    return asked <= this.options.maxRetryAfter ? Math.max(asked, backoff) : undefined;
  }

  private pause({ origin }: URL, ms: number): void {
    const until = performance.now() + ms;
    this.pausedUntil.set(origin, Math.max(until, this.pausedUntil.get(origin) ?? 0));
  }

  /** Others may fail meanwhile and make the pause longer. */
  private async pauseOver({ url, signal }: TransportRequest): Promise<void> {
    let waitedFor: number | undefined;
    for (let until = this.pauseOf(url); until !== undefined && until !== waitedFor; until = this.pauseOf(url)) {
      waitedFor = until;
      await this.wait(url, until - performance.now(), signal);
    }
  }

  /** Those who wait together do not all start in the same instant. */
  private async wait({ origin }: URL, ms: number, signal: AbortSignal | undefined): Promise<void> {
    const others = this.waiting.get(origin) ?? 0;
    const spread = others === 0 ? 0 : Math.random() * this.options.baseDelay;
    this.waiting.set(origin, others + 1);
    try {
      await uncounted(signal, () => this.options.sleep(ms + spread, signal));
    } finally {
      this.leave(origin);
    }
  }

  private leave(origin: string): void {
    const others = (this.waiting.get(origin) ?? 1) - 1;
    if (others > 0) this.waiting.set(origin, others);
    else this.waiting.delete(origin);
  }

  /** When the pause of an origin ends; undefined when there is none. */
  private pauseOf({ origin }: URL): number | undefined {
    const until = this.pausedUntil.get(origin);
    if (until === undefined || until > performance.now()) return until;
    this.pausedUntil.delete(origin);
    return undefined;
  }
}

/**
 * The only DELETE that is tried once gives an upload back: it relieves the server, and whoever sends it is about to leave, so it
 * waits for no pause.
 */
function isGivingBack({ method, repeatable }: TransportRequest): boolean {
  return method === 'DELETE' && repeatable === false;
}

function settled(outcome: Outcome): TransportResponse {
  if ('response' in outcome) return outcome.response;
  throw outcome.error;
}
