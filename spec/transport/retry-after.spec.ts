import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { isTransient, retryAfter } from '../../lib/transport/retry-after.js';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const YEAR = 366 * 24 * 3600 * 1000;

function after(value: string, date?: string): number | undefined {
  return retryAfter(date === undefined ? { 'retry-after': value } : { 'retry-after': value, date });
}

describe('retryAfter', () => {
  beforeEach(() => {
    jest.useFakeTimers({ now: NOW });
  });

  afterEach(() => void jest.useRealTimers());

  it('reads seconds', () => {
    expect([after('0'), after('1'), after(' 120 ')]).toEqual([0, 1000, 120_000]);
  });

  it('reads a date in each of its forms', () => {
    expect(after('Thu, 01 Jan 2026 00:01:00 GMT')).toBe(60_000);
    expect(after('Thursday, 01-Jan-26 00:01:00 GMT')).toBe(60_000);
    expect(after('Thu Jan  1 00:01:00 2026')).toBe(60_000);
  });

  it('takes a number that would be decades for the moment itself, as Docker Hub sends it', () => {
    expect(after(String(NOW / 1000 + 60))).toBe(60_000);
    expect(after(String(NOW / 1000 + 60), 'Thu, 01 Jan 2026 00:00:20 GMT')).toBe(40_000);
    expect(after(String(NOW / 1000 - 60))).toBe(0);
    expect(after('999999999')).toBe(YEAR);
  });

  it('counts a date from the clock of the server', () => {
    expect(after('Tue, 01 Jan 2030 00:00:30 GMT', 'Tue, 01 Jan 2030 00:00:00 GMT')).toBe(30_000);
    expect(after('Thu, 01 Jan 2026 00:01:00 GMT', 'yesterday')).toBe(60_000);
  });

  it('never waits for what is past', () => {
    expect(after('Wed, 31 Dec 2025 00:00:00 GMT')).toBe(0);
  });

  it('never waits longer than a year, so that the end is a date', () => {
    expect(after('9'.repeat(400))).toBe(YEAR);
    expect(after('Fri, 01 Jan 2100 00:00:00 GMT')).toBe(YEAR);
  });

  it('says nothing where the header says nothing', () => {
    for (const value of [
      '',
      '-5',
      '1.5',
      '1e3',
      '0x10',
      'soon',
      '5 seconds',
      '2026-01-01',
      'Mon',
      'Sun, 99 Foo 2026',
    ]) {
      expect([value, after(value)]).toEqual([value, undefined]);
    }
    expect(retryAfter({})).toBeUndefined();
  });

  it('gives back every number of seconds it is given', () => {
    const seconds = fc.integer({ min: 0, max: YEAR / 1000 });
    fc.assert(
      fc.property(seconds, (wait) => after(String(wait)) === wait * 1000),
      { seed: 1 },
    );
  });

  it('gives back every date it is given, whatever the clocks say', () => {
    const time = fc.integer({ min: 0, max: 4_000_000_000 }).map((seconds) => seconds * 1000);
    const wait = fc.integer({ min: 0, max: YEAR / 1000 }).map((seconds) => seconds * 1000);
    const text = (ms: number) => new Date(ms).toUTCString();
    fc.assert(
      fc.property(time, wait, (server, ms) => after(text(server + ms), text(server)) === ms),
      { seed: 1 },
    );
  });

  it('makes a wait that is a time, or nothing, of any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (value, date) => {
        const wait = after(value, date);
        return wait === undefined || (wait >= 0 && wait <= YEAR && !Number.isNaN(new Date(NOW + wait).getTime()));
      }),
      { seed: 1 },
    );
  });
});

describe('isTransient', () => {
  it.each([408, 425, 429, 499, 500, 502, 503, 504, 520, 524])('%i may pass', (status) => {
    expect(isTransient(status)).toBe(true);
  });

  it.each([200, 202, 307, 400, 401, 403, 404, 405, 409, 413, 416, 501, 505, 507])('%i does not', (status) => {
    expect(isTransient(status)).toBe(false);
  });
});
