import { getEventListeners } from 'node:events';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { RegistryError } from '../../lib/errors.js';
import { type Call, Requests } from '../../lib/services/requests.js';
import { RetryTransport } from '../../lib/transport/retry-transport.js';
import type { Transport } from '../../lib/transport/transport.js';
import { OPTIONS, refusal, REGISTRY, scripted } from './scripted.js';

const call: Call = {
  method: 'GET',
  url: new URL(`${REGISTRY}/v2/?state=secret`),
  scopes: ['repository:app:pull'],
  expected: [200],
  doing: 'trying it',
};

const silent: Transport = {
  send: ({ signal }) =>
    new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error))),
};

describe('Requests', () => {
  afterEach(() => void jest.useRealTimers());

  it('sends a step without what is for messages only', async () => {
    const transport = scripted(200);
    const headers = { accept: 'application/json' };
    await new Requests(transport, OPTIONS).transfer({ ...call, headers, repeatable: false });
    const [sent] = transport.requests;
    expect(Object.keys(sent ?? {}).sort()).toEqual(['content', 'headers', 'method', 'repeatable', 'scopes', 'url']);
    expect(sent).toMatchObject({ method: 'GET', headers, scopes: ['repository:app:pull'], repeatable: false });
  });

  it.each(['transfer', 'metadata'] as const)('%s fails unless the status is an expected one', async (way) => {
    const transport = scripted(refusal(403, 'DENIED'));
    await expect(new Requests(transport, OPTIONS)[way](call)).rejects.toMatchObject({ code: 'DENIED', status: 403 });
    expect(transport.openBodies).toBe(0);
  });

  describe('transfer', () => {
    it('knows no time', async () => {
      jest.useFakeTimers();
      const sending = new Requests(silent, OPTIONS).transfer(call);
      const settled = jest.fn();
      sending.then(settled, settled);
      await jest.advanceTimersByTimeAsync(3_600_000);
      expect(settled).not.toHaveBeenCalled();
    });

    it('hands the body on', async () => {
      const response = await new Requests(scripted({ body: 'content' }), OPTIONS).transfer(call);
      expect(response.body.readableEnded).toBe(false);
    });
  });

  describe('read', () => {
    it('asks again for an answer that breaks off', async () => {
      const broken = new RegistryError('broke off', { code: 'ECONNRESET', retryable: true });
      const half = new Readable({ read: (): void => undefined });
      half.push('con');
      process.nextTick(() => half.destroy(broken));
      const transport = scripted({ body: half }, { body: 'content' });
      const requests = new Requests(new RetryTransport(transport, { baseDelay: 1 }), OPTIONS);
      expect(String((await requests.read(call, 100)).bytes)).toBe('content');
      expect(transport.requests).toHaveLength(2);
    });

    it('refuses an answer that is too long, and asks once', async () => {
      const transport = scripted({ body: 'content' });
      const requests = new Requests(new RetryTransport(transport, { baseDelay: 1 }), OPTIONS);
      await expect(requests.read(call, 6)).rejects.toMatchObject({ code: 'RESPONSE_TOO_LARGE' });
      expect(transport.requests).toHaveLength(1);
    });
  });

  describe('the time of a call', () => {
    it('is the call’s own where it has one', async () => {
      jest.useFakeTimers();
      const sending = new Requests(silent, OPTIONS).metadata({ ...call, timeout: 1500 });
      const failing = expect(sending).rejects.toThrow('took longer than 1.5 s');
      await jest.advanceTimersByTimeAsync(1500);
      await failing;
    });

    it.each([0, -1, 1.5, NaN, Infinity, 2 ** 31])('cannot be %p, and nothing is sent then', async (timeout) => {
      const transport = scripted();
      await expect(new Requests(transport, OPTIONS).metadata({ ...call, timeout })).rejects.toMatchObject({
        name: 'InvalidArgumentError',
        message: expect.stringContaining('the option timeout is'),
      });
      expect(transport.requests).toEqual([]);
    });

    it('is nothing a transport hears of', async () => {
      const transport = scripted(200);
      await new Requests(transport, OPTIONS).metadata({ ...call, timeout: 1000 });
      expect(transport.requests[0]).not.toHaveProperty('timeout');
    });
  });

  describe('metadata', () => {
    it('ends the body', async () => {
      const transport = scripted({ body: 'content' });
      await new Requests(transport, OPTIONS).metadata(call);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(transport.openBodies).toBe(0);
    });
  });

  describe('read', () => {
    it('gives the bytes', async () => {
      const answer = await new Requests(scripted({ body: 'content' }), OPTIONS).read(call, 7);
      expect(answer).toMatchObject({ status: 200, bytes: Buffer.from('content') });
    });

    it('gives no more than it may', async () => {
      const reading = new Requests(scripted({ body: 'content' }), OPTIONS).read(call, 6);
      await expect(reading).rejects.toMatchObject({ code: 'RESPONSE_TOO_LARGE' });
    });

    /** Answers that break off after their first bytes, so many of them, and then a whole one. */
    const breaking = (times: number, error: Error) => {
      let asked = 0;
      const send: Transport['send'] = ({ url }) => {
        const isBroken = ++asked <= times;
        const body = Readable.from(
          (function* () {
            yield Buffer.from('con');
            if (isBroken) throw error;
            yield Buffer.from('tent');
          })(),
        );
        return Promise.resolve({ status: 200, headers: {}, url, body });
      };
      return { requests: new Requests({ send }, OPTIONS), asked: () => asked };
    };
    it('asks once', async () => {
      const { requests, asked } = breaking(1, new RegistryError('no', { code: 'TOO_LARGE' }));
      await expect(requests.read(call, 100)).rejects.toThrow('no');
      expect(asked()).toBe(1);
    });

    it('has an end for a body that dribbles', async () => {
      const body = new Readable({ read: () => undefined });
      const timer = setInterval(() => body.push('.'), 5);
      const transport: Transport = {
        send: ({ url, signal }) => {
          signal?.addEventListener('abort', () => body.destroy(signal.reason as Error));
          return Promise.resolve({ status: 200, url, headers: {}, body });
        },
      };
      const reading = new Requests(transport, { ...OPTIONS, timeout: 50 }).read(call, 1000);
      await expect(reading).rejects.toMatchObject({ name: 'RegistryError', code: 'ETIMEDOUT' });
      clearInterval(timer);
    });
  });

  describe.each(['metadata', 'read'] as const)('%s', (way) => {
    const send = (transport: Transport, more: Partial<Call> = {}) => {
      const requests = new Requests(transport, OPTIONS);
      return way === 'metadata' ? requests.metadata({ ...call, ...more }) : requests.read({ ...call, ...more }, 100);
    };

    it('says that it took too long', async () => {
      jest.useFakeTimers();
      const failing = send(silent).catch((error: unknown) => error);
      await jest.advanceTimersByTimeAsync(30_000);
      const error = await failing;
      expect(error).toBeInstanceOf(RegistryError);
      expect(error).toMatchObject({ code: 'ETIMEDOUT', retryable: true, method: 'GET', status: undefined });
      expect((error as Error).message).toBe(
        'trying it: GET http://registry.example/v2/?state=REDACTED took longer than 30 s. ' +
          'Is the registry reachable? A longer timeout can be set with the option timeout or REGISTRY_TIMEOUT.',
      );
    });

    it('does not count a pause that the registry asks for', async () => {
      const doNotFake = ['nextTick', 'setImmediate', 'queueMicrotask'] as const;
      jest.useFakeTimers({ doNotFake: [...doNotFake] });
      const transport = scripted({ status: 429, headers: { 'retry-after': '45' } }, 200);
      const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
      const sending = send(new RetryTransport(transport, { sleep }));
      for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
      await jest.advanceTimersByTimeAsync(50_000);
      await expect(sending).resolves.toMatchObject({ status: 200 });
    });

    it("ends with the caller's reason when he gives up", async () => {
      const abort = new AbortController();
      const sending = send(silent, { signal: abort.signal });
      abort.abort('enough');
      await expect(sending).rejects.toBe('enough');
    });

    it('leaves neither a timer nor a listener behind', async () => {
      jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
      const { signal } = new AbortController();
      await send(scripted(200), { signal });
      await send(scripted(404), { signal }).catch(() => undefined);
      for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
      expect(jest.getTimerCount()).toBe(0);
      expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    });
  });
});
