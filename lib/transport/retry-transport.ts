import { setTimeout as delay } from 'node:timers/promises';
import { RegistryError } from '../errors.js';
import { retryAfter } from './retry-after.js';
import type { Transport, TransportRequest, TransportResponse } from './transport.js';

/** Answers that a later try may turn into better ones: overload, gateways, and what proxies make of both. */
const TRANSIENT = new Set([408, 425, 429, 499, 500, 502, 503, 504, 520, 521, 522, 523, 524]);

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

/**
 * Sends again what may be sent again: after a broken connection, or a status that passes. A pause the server asks for
 * holds for every request to that origin, or parallel uploads would multiply the load it complains about.
 */
export class RetryTransport implements Transport {
  private readonly options: Required<RetryOptions>;
  private readonly pausedUntil = new Map<string, number>();

  constructor(
    private readonly inner: Transport,
    options: RetryOptions = {},
  ) {
    this.options = { retries: 4, baseDelay: 300, maxDelay: 10_000, maxRetryAfter: 60_000, sleep: pause, ...options };
  }

  async send(request: TransportRequest): Promise<TransportResponse> {
    for (let attempt = 0; ; attempt++) {
      await this.awaitPause(request);
      const isLast = attempt >= this.options.retries || !isRepeatable(request);
      const outcome = await this.attempt(request, isLast);
      if ('response' in outcome) {
        const wait = this.waitFor(outcome.response, attempt);
        if (isLast || wait === undefined) return outcome.response;
        outcome.response.body.destroy();
        if (outcome.response.headers['retry-after']) this.pauseOrigin(request.url, wait);
        await this.options.sleep(wait, request.signal);
      } else {
        await this.options.sleep(this.backoff(attempt), request.signal);
      }
    }
  }

  async close(): Promise<void> {
    await this.inner.close?.();
  }

  private async attempt(request: TransportRequest, isLast: boolean): Promise<{ response: TransportResponse } | object> {
    try {
      return { response: await this.inner.send(request) };
    } catch (error) {
      if (isLast || !(error instanceof RegistryError) || !error.retryable) throw error;
      return {};
    }
  }

  /** Milliseconds to wait before another try, or `undefined` when this answer is final. */
  private waitFor(response: TransportResponse, attempt: number): number | undefined {
    if (!TRANSIENT.has(response.status)) return undefined;
    const asked = retryAfter(response.headers);
    if (asked === undefined) return this.backoff(attempt);
    return asked <= this.options.maxRetryAfter ? asked : undefined;
  }

  private backoff(attempt: number): number {
    return Math.random() * Math.min(this.options.baseDelay * 2 ** attempt, this.options.maxDelay);
  }

  private pauseOrigin(url: URL, ms: number): void {
    const until = performance.now() + ms;
    this.pausedUntil.set(url.origin, Math.max(until, this.pausedUntil.get(url.origin) ?? 0));
  }

  private async awaitPause(request: TransportRequest): Promise<void> {
    const left = (this.pausedUntil.get(request.url.origin) ?? 0) - performance.now();
    if (left > 0) await this.options.sleep(left, request.signal);
  }
}

function isRepeatable({ method, repeatable }: TransportRequest): boolean {
  return repeatable ?? method !== 'PATCH';
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await delay(ms, undefined, { signal }).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw error;
  });
}
