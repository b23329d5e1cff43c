/**
 * Milliseconds to wait as `Retry-After` says, in seconds or as a date (RFC 9110 §10.2.3); a date counts from the server's
 * own `Date`, so that a wrong clock on either side does no harm. `undefined` when the header is absent or makes no sense.
 */
export function retryAfter(headers: Readonly<Record<string, string>>): number | undefined {
  const value = headers['retry-after']?.trim();
  if (!value) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const at = Date.parse(value);
  if (Number.isNaN(at)) return undefined;
  const serverNow = Date.parse(headers.date ?? '');
  return Math.max(0, at - (Number.isNaN(serverNow) ? Date.now() : serverNow));
}
