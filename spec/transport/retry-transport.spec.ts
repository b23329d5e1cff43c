import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { EmbeddedTransport } from '../../lib/embedded/embedded-transport.js';
import { AuthenticationError, RegistryError } from '../../lib/errors.js';
import { type RetryOptions, RetryTransport } from '../../lib/transport/retry-transport.js';
import { TimeLimit } from '../../lib/transport/time-limit.js';
import type { TransportRequest } from '../../lib/transport/transport.js';
import { describeTransport } from '../contract/describe-transport.js';
import { type FakeReply, FakeTransport } from '../support/fake-transport.js';

describeTransport('RetryTransport', () => ({
  url: new URL('http://registry.test'),
  transport: new RetryTransport(new EmbeddedTransport()),
  stop: () => undefined,
}));

const broken = new RegistryError('no answer', { code: 'ECONNRESET', retryable: true });

/** Answers with these, in this order, and 200 from then on. Time passes only while the transport sleeps. */
function setUp(outcomes: (FakeReply | Error | number)[], options: RetryOptions = {}) {
  const inner = new FakeTransport(() => {
    const next = outcomes.shift() ?? 200;
    if (next instanceof Error) throw next;
    return typeof next === 'number' ? { status: next } : next;
  });
  const slept: number[] = [];
  const sleep = (ms: number): Promise<void> => {
    slept.push(Math.round(ms));
    jest.advanceTimersByTime(ms);
    return Promise.resolve();
  };
  return { inner, slept, transport: new RetryTransport(inner, { sleep, ...options }) };
}

function request(method = 'GET', more: Partial<TransportRequest> = {}): TransportRequest {
  return { method, url: new URL('https://registry.example/v2/'), headers: {}, ...more };
}

/** Response bodies that nobody ends, after those that are being read to their end. */
async function leftOpen(inner: FakeTransport): Promise<number> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  return inner.openBodies;
}

describe('RetryTransport', () => {
  const random = jest.spyOn(Math, 'random');

  beforeEach(() => {
    jest.useFakeTimers({ now: Date.parse('2026-01-01T00:00:00Z'), doNotFake: ['setImmediate', 'nextTick'] });
    random.mockReturnValue(1);
  });

  afterEach(() => {
    jest.useRealTimers();
    random.mockReset();
  });

  it.each([200, 201, 202, 204, 307, 400, 401, 403, 404, 405, 413, 416, 501])(
    'takes a %i as it comes',
    async (status) => {
      const { inner, slept, transport } = setUp([status]);
      await expect(transport.send(request())).resolves.toMatchObject({ status });
      expect([inner.calls.length, slept]).toEqual([1, []]);
    },
  );

  it.each([408, 425, 429, 499, 500, 502, 503, 504, 522])('tries again after a %i', async (status) => {
    const { inner, transport } = setUp([status]);
    await expect(transport.send(request())).resolves.toMatchObject({ status: 200 });
    expect(inner.calls).toHaveLength(2);
    expect(await leftOpen(inner)).toBe(1);
  });

  it('tries again after a broken connection', async () => {
    const { inner, transport } = setUp([broken, broken]);
    await expect(transport.send(request())).resolves.toMatchObject({ status: 200 });
    expect(inner.calls).toHaveLength(3);
  });

  it('waits twice as long each time, up to a limit', async () => {
    const { slept, transport } = setUp([500, broken, 500, 500, 500, 500], { retries: 6, maxDelay: 2000 });
    await transport.send(request());
    expect(slept).toEqual([300, 600, 1200, 2000, 2000, 2000]);
  });

  it('waits any part of that time', async () => {
    const { slept, transport } = setUp([500, 500]);
    random.mockReturnValueOnce(0.5).mockReturnValueOnce(0.25);
    await transport.send(request());
    expect(slept).toEqual([150, 150]);
  });

  it('hands on the last answer when the tries are used up', async () => {
    const { inner, transport } = setUp([500, 500, 500, 500, { status: 503, body: 'last' }]);
    await expect(transport.send(request())).resolves.toMatchObject({ status: 503 });
    expect(inner.calls).toHaveLength(5);
    expect(await leftOpen(inner)).toBe(1);
  });

  it('throws the last error when the tries are used up', async () => {
    const last = new RegistryError('last', { code: 'EPIPE', retryable: true });
    const { inner, transport } = setUp([broken, last], { retries: 1 });
    await expect(transport.send(request())).rejects.toBe(last);
    expect(inner.calls).toHaveLength(2);
  });

  it('tries once when told to', async () => {
    const { inner, transport } = setUp([500], { retries: 0 });
    await expect(transport.send(request())).resolves.toMatchObject({ status: 500 });
    expect(inner.calls).toHaveLength(1);
  });

  it('takes an option that is undefined for one that is not there', async () => {
    const { inner, transport } = setUp([500, 500, 500, 500, 500], { retries: undefined } as unknown as RetryOptions);
    await expect(transport.send(request())).resolves.toMatchObject({ status: 500 });
    expect(inner.calls).toHaveLength(5);
  });

  it.each([
    ['that will come again', new RegistryError('no such host', { code: 'ENOTFOUND' })],
    ['of who we are', new AuthenticationError('wrong password', { code: 'UNAUTHORIZED', status: 401 })],
    ['about an answer that was judged already', new RegistryError('busy', { code: 'X', status: 503, retryable: true })],
    ['of the content', new Error('disk gone')],
  ])('throws an error %s at once', async (_, error) => {
    const { inner, transport } = setUp([error]);
    await expect(transport.send(request('PUT'))).rejects.toBe(error);
    expect(inner.calls).toHaveLength(1);
  });

  describe('what may not be sent twice', () => {
    it('is a PATCH', async () => {
      const { inner, transport } = setUp([500, broken]);
      await expect(transport.send(request('PATCH'))).resolves.toMatchObject({ status: 500 });
      await expect(transport.send(request('PATCH'))).rejects.toBe(broken);
      expect(inner.calls).toHaveLength(2);
    });

    it('is what says so itself, and a PATCH that says otherwise may', async () => {
      const { inner, transport } = setUp([500, 500]);
      await expect(transport.send(request('PUT', { repeatable: false }))).resolves.toMatchObject({ status: 500 });
      await expect(transport.send(request('PATCH', { repeatable: true }))).resolves.toMatchObject({ status: 200 });
      expect(inner.calls).toHaveLength(3);
    });

    it.each(['GET', 'HEAD', 'POST', 'PUT', 'DELETE'])('is not a %s', async (method) => {
      const { transport } = setUp([500]);
      await expect(transport.send(request(method))).resolves.toMatchObject({ status: 200 });
    });
  });

  it('opens a body again for each try', async () => {
    const { inner, transport } = setUp([500, broken]);
    const open = jest.fn(() => Readable.from([Buffer.from('content')]));
    await transport.send(request('PUT', { body: { size: 7, open } }));
    expect(open).toHaveBeenCalledTimes(3);
    expect(inner.requests.map(({ content }) => content.toString())).toEqual(['content', 'content', 'content']);
  });

  describe('when the server asks for a pause', () => {
    const busy = (after: string, more: FakeReply = {}): FakeReply => ({
      status: 429,
      headers: { 'retry-after': after, date: 'Thu, 01 Jan 2026 00:00:00 GMT' },
      ...more,
    });

    it('waits for the seconds it asks for', async () => {
      const { slept, transport } = setUp([busy('7')]);
      await transport.send(request());
      expect(slept).toEqual([7000]);
    });

    it('waits until the date it names', async () => {
      const { slept, transport } = setUp([busy('Thu, 01 Jan 2026 00:00:20 GMT', { status: 503 })]);
      await transport.send(request());
      expect(slept).toEqual([20_000]);
    });

    it('never waits shorter than it would by itself', async () => {
      const { slept, transport } = setUp([busy('0'), busy('0')]);
      await transport.send(request());
      expect(slept).toEqual([300, 600]);
    });

    it('hands the answer on when that is too long', async () => {
      const { inner, slept, transport } = setUp([busy('61')]);
      await expect(transport.send(request())).resolves.toMatchObject({ status: 429 });
      expect([inner.calls.length, slept]).toEqual([1, []]);
    });

    it('has a limit that can be set', async () => {
      const { slept, transport } = setUp([busy('61')], { maxRetryAfter: 61_000 });
      await transport.send(request());
      expect(slept).toEqual([61_000]);
    });

    it('lets every request to that origin wait, and none to another', async () => {
      const { slept, transport } = setUp([busy('7')]);
      await transport.send(request('PATCH'));
      await transport.send(request('GET', { url: new URL('https://other.example/v2/') }));
      expect(slept).toEqual([]);
      jest.advanceTimersByTime(3000);
      await transport.send(request('GET', { url: new URL('https://registry.example/v2/other') }));
      expect(slept).toEqual([4000]);
      await transport.send(request());
      expect(slept).toEqual([4000]);
    });

    it('goes on waiting when one that was under way makes the pause longer', async () => {
      const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
      const start = performance.now();
      const sentAt: number[] = [];
      const inner = new FakeTransport(async ({ url }) => {
        sentAt.push(Math.round(performance.now() - start));
        if (url.pathname === '/slow') await sleep(3000);
        return url.pathname === '/last' ? {} : busy(url.pathname === '/slow' ? '9' : '7');
      });
      const transport = new RetryTransport(inner, { sleep });
      const to = (path: string) => ({ url: new URL(path, 'https://registry.example') });
      const slow = transport.send(request('PATCH', to('/slow')));
      await transport.send(request('PATCH', to('/quick')));
      const last = transport.send(request('GET', to('/last')));
      await jest.advanceTimersByTimeAsync(20_000);
      await Promise.all([slow, last]);
      expect(sentAt).toEqual([0, 0, 12_000]);
    });

    it('lets those who waited together start one after another', async () => {
      const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
      random.mockReset().mockReturnValueOnce(0).mockReturnValueOnce(0.25).mockReturnValueOnce(0.75);
      const start = performance.now();
      const sentAt: number[] = [];
      let isFirst = true;
      const inner = new FakeTransport(() => {
        sentAt.push(Math.round(performance.now() - start));
        const reply = isFirst ? busy('7') : {};
        isFirst = false;
        return reply;
      });
      const transport = new RetryTransport(inner, { sleep, baseDelay: 1000 });
      await transport.send(request('PATCH'));
      const all = [1, 2, 3].map(() => transport.send(request()));
      await jest.advanceTimersByTimeAsync(8000);
      await Promise.all(all);
      expect(sentAt).toEqual([0, 7000, 7250, 7750]);
    });

    it('keeps nobody from giving an upload back', async () => {
      const { inner, slept, transport } = setUp([busy('7')]);
      await transport.send(request('PUT', { repeatable: false }));
      await transport.send(request('DELETE', { repeatable: false }));
      expect([inner.calls.length, slept]).toEqual([2, []]);
      await transport.send(request('DELETE'));
      expect(slept).toEqual([7000]);
    });

    it('does not count the pause as time of the request', async () => {
      const { transport } = setUp([busy('45')], { sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)) });
      const limit = new TimeLimit(30_000, undefined);
      const sending = transport.send(request('GET', { signal: limit.signal }));
      await jest.advanceTimersByTimeAsync(46_000);
      await expect(sending).resolves.toMatchObject({ status: 200 });
      limit.end();
    });
  });

  it('lets others wait after a failure too', async () => {
    const { slept, transport } = setUp([503]);
    await transport.send(request('PATCH'));
    await transport.send(request());
    expect(slept).toEqual([300]);
  });

  describe('when an answer is of use as a whole only', () => {
    const breaking = (content: string) => {
      const body = new Readable({ read: () => void setImmediate(() => body.destroy(broken)) });
      body.push(content);
      return body;
    };

    it('tries again when it breaks off', async () => {
      const { inner, slept, transport } = setUp([{ body: breaking('con') }, { body: 'content' }]);
      const { body } = await transport.send(request('GET', { wholeUpTo: 100 }));
      expect(await text(body)).toBe('content');
      expect([inner.calls.length, slept]).toEqual([2, [300]]);
    });

    it('throws what it broke off with when the tries are used up', async () => {
      const { inner, transport } = setUp(
        [1, 2].map(() => ({ body: breaking('con') })),
        { retries: 1 },
      );
      await expect(transport.send(request('GET', { wholeUpTo: 100 }))).rejects.toBe(broken);
      expect(inner.openBodies).toBe(0);
    });

    it('reads no more of it than asked for, and lets the caller see that there is more', async () => {
      const { inner, transport } = setUp([
        {
          body: new Readable({
            read: function () {
              this.push('x'.repeat(50));
            },
          }),
        },
      ]);
      const { body } = await transport.send(request('GET', { wholeUpTo: 100 }));
      expect((await text(body)).length).toBeGreaterThan(100);
      expect(inner.openBodies).toBe(0);
    });

    it.each([202, 404])('leaves other answers and those without such a wish alone: %d', async (status) => {
      const { transport } = setUp([{ status, body: breaking('con') }]);
      const more = status === 202 ? {} : { wholeUpTo: 100 };
      const { body } = await transport.send(request('GET', more));
      await expect(text(body)).rejects.toBe(broken);
    });
  });

  it('can be aborted while it waits', async () => {
    jest.useRealTimers();
    const inner = new FakeTransport(() => ({ status: 503, headers: { 'retry-after': '50' } }));
    const transport = new RetryTransport(inner);
    const abort = new AbortController();
    setTimeout(() => abort.abort('enough'), 10);
    await expect(transport.send(request('GET', { signal: abort.signal }))).rejects.toBe('enough');
    expect(inner.calls).toHaveLength(1);
  });

  it('closes what it wraps', async () => {
    const { inner, transport } = setUp([]);
    await transport.close();
    expect(inner.isClosed).toBe(true);
  });
});
