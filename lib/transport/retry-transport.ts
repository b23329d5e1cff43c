import { isUnanswered } from '../errors.js';
import { discard } from './discard.js';
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
  private throttledUntil = 0;

  constructor(
    private readonly inner: Transport,
    options: RetryOptions = {},
  ) {
    const { retries = 4, baseDelay = 300, maxDelay = 10_000, maxRetryAfter = 60_000 } = options;
    this.options = { retries, baseDelay, maxDelay, maxRetryAfter, sleep: options.sleep ?? sleep };
  }

  async send(request: TransportRequest): Promise<TransportResponse> {
    for (let attempt = 0; ; attempt++) {
      await this.pauseOver(request);
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

  private async attempt(request: TransportRequest): Promise<Outcome> {
    try {
      return { response: await this.inner.send(request) };
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

  private async pauseOver({ url, signal }: TransportRequest): Promise<void> {
    const left = (this.pausedUntil.get(url.origin) ?? 0) - performance.now();
    if (left > 0) await uncounted(signal, () => this.options.sleep(left, signal));
    else this.pausedUntil.delete(url.origin);
  }
}

function settled(outcome: Outcome): TransportResponse {
  if ('response' in outcome) return outcome.response;
  throw outcome.error;
}
