import { RateLimitError, type RegistryErrorDetails } from '../errors.js';

const TRANSIENT = new Set([408, 425, 429, 499, 500, 502, 503, 504, 520, 521, 522, 523, 524]);

/** Statuses that a later try may turn into better ones: overload, gateways, and what proxies make of both. */
export function isTransient(status: number): boolean {
  return TRANSIENT.has(status);
}

/** Nobody waits longer than a year, and a `Date` can still be made from it. */
const MOST = 366 * 24 * 3600 * 1000;

/** Seconds. Nobody asks for 31 years: such a number is the moment itself, in seconds since 1970. */
const MOMENT = 1e9;

/** What an HTTP date starts with; `Date.parse` alone takes `-5` for a year. Source: RFC 9110 §5.6.7. */
const DATE = /^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? /i;

/**
 * Milliseconds to wait as `Retry-After` says, in seconds or as a date (RFC 9110 §10.2.3); a date counts from the server's
 * own `Date`, so that a wrong clock on either side does no harm. `undefined` when the header is absent or makes no sense.
 */
export function retryAfter(headers: Readonly<Record<string, string>>): number | undefined {
  const value = headers['retry-after']?.trim() ?? '';
  const seconds = /^\d+$/.test(value) ? Number(value) : undefined;
  if (seconds !== undefined && seconds < MOMENT) return Math.min(seconds * 1000, MOST);
  const at = seconds === undefined ? dateOf(value) : seconds * 1000;
  if (at === undefined) return undefined;
  return Math.min(Math.max(0, at - (dateOf(headers.date) ?? Date.now())), MOST);
}

/** HTTP dates are in GMT, also in the old form that does not say so. */
function dateOf(text = ''): number | undefined {
  const at = DATE.test(text) ? Date.parse(/gmt$/i.test(text) ? text : `${text} GMT`) : NaN;
  return Number.isNaN(at) ? undefined : at;
}

/** @param wait - milliseconds, where the server said how long; the message then says until when */
export function rateLimited(message: string, details: RegistryErrorDetails, wait: number | undefined): RateLimitError {
  const resetAt = wait === undefined ? undefined : new Date(Date.now() + wait);
  return new RateLimitError(resetAt ? `${message}, until ${resetAt.toISOString()}` : message, { ...details, resetAt });
}
