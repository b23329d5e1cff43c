import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it, jest } from '@jest/globals';
import { EmbeddedTransport } from '../../lib/embedded/embedded-transport.js';
import { RedirectTransport } from '../../lib/transport/redirect-transport.js';
import type { TransportRequest } from '../../lib/transport/transport.js';
import { describeTransport } from '../contract/describe-transport.js';
import { type FakeHandler, FakeTransport } from '../support/fake-transport.js';
import { until } from '../support/test-server.js';

describeTransport('RedirectTransport', () => ({
  url: new URL('http://registry.test'),
  transport: new RedirectTransport(new EmbeddedTransport()),
  stop: () => undefined,
}));

const REGISTRY = 'https://registry.example';

/** Answers `GET <address>` with the redirect given for that address, everything else with 200. */
function setUp(redirects: Record<string, string>, status = 307) {
  const handler: FakeHandler = ({ url }) => {
    const location = redirects[url.href];
    return location === undefined ? { body: `from ${url.href}` } : { status, headers: { location }, body: 'moved' };
  };
  const inner = new FakeTransport(handler);
  return { inner, transport: new RedirectTransport(inner) };
}

function get(path = '/blob', more: Partial<TransportRequest> = {}): TransportRequest {
  return { method: 'GET', url: new URL(path, REGISTRY), headers: {}, ...more };
}

describe('RedirectTransport', () => {
  it('hands on what is no redirect', async () => {
    const { inner, transport } = setUp({});
    const response = await transport.send(get('/blob', { method: 'POST' }));
    expect(await text(response.body)).toBe(`from ${REGISTRY}/blob`);
    expect(inner.calls).toEqual([`POST ${REGISTRY}/blob`]);
  });

  it.each([301, 302, 303, 307, 308])('follows a %i of a read', async (status) => {
    const { inner, transport } = setUp({ [`${REGISTRY}/blob`]: 'https://storage.example/x?sig=a%2Bb' }, status);
    const response = await transport.send(get());
    expect(inner.calls).toEqual([`GET ${REGISTRY}/blob`, 'GET https://storage.example/x?sig=a%2Bb']);
    expect(response.url.href).toBe('https://storage.example/x?sig=a%2Bb');
    expect(await text(response.body)).toBe('from https://storage.example/x?sig=a%2Bb');
    await until(() => inner.openBodies === 0, 'both bodies are over');
  });

  it('keeps the method HEAD', async () => {
    const { inner, transport } = setUp({ [`${REGISTRY}/blob`]: '/elsewhere' }, 303);
    await transport.send(get('/blob', { method: 'HEAD' }));
    expect(inner.calls).toEqual([`HEAD ${REGISTRY}/blob`, `HEAD ${REGISTRY}/elsewhere`]);
  });

  it.each([
    ['/other', `${REGISTRY}/other`],
    ['other?x', `${REGISTRY}/v2/other?x`],
    ['//registry.example/y', `${REGISTRY}/y`],
    ['https://user:password@storage.example/x', 'https://storage.example/x'],
  ])('understands the location %s', async (location, target) => {
    const { inner, transport } = setUp({ [`${REGISTRY}/v2/blob`]: location });
    await transport.send(get('/v2/blob'));
    expect(inner.calls.at(-1)).toBe(`GET ${target}`);
  });

  it.each([
    ['without a location', {}],
    ['that is a 304', { status: 304, location: '/x' }],
    ['that is a 300', { status: 300, location: '/x' }],
  ])('takes an answer %s as it is', async (_, { status = 307, ...headers }: { status?: number; location?: string }) => {
    const transport = new RedirectTransport(new FakeTransport(() => ({ status, headers })));
    await expect(transport.send(get())).resolves.toMatchObject({ status });
  });

  describe('the headers', () => {
    const headers = {
      accept: 'application/json',
      range: 'bytes=5-',
      authorization: 'Bearer secret',
      Cookie: 'session=secret',
      'proxy-authorization': 'Basic secret',
    };

    it('stay with the origin', async () => {
      const { inner, transport } = setUp({ [`${REGISTRY}/blob`]: 'https://registry.example:443/other' });
      await transport.send(get('/blob', { headers }));
      expect(inner.requests[1]?.headers).toEqual(headers);
    });

    it.each(['https://storage.example/x', 'https://registry.example:8443/x'])(
      'that are secret do not go to %s',
      async (target) => {
        const { inner, transport } = setUp({ [`${REGISTRY}/blob`]: target });
        await transport.send(get('/blob', { headers }));
        expect(inner.requests[1]?.headers).toEqual({ accept: 'application/json', range: 'bytes=5-' });
      },
    );

    it('that were dropped do not come back when it leads home again', async () => {
      const storage = 'https://storage.example/x';
      const { inner, transport } = setUp({ [`${REGISTRY}/blob`]: storage, [storage]: `${REGISTRY}/home` });
      await transport.send(get('/blob', { headers }));
      expect(inner.requests[2]?.headers).not.toHaveProperty('authorization');
    });
  });

  describe('a body', () => {
    const upload = (method: string, open = () => Readable.from([Buffer.from('content')])) =>
      get('/blob', { method, body: { size: 7, open } });

    it.each(['POST', 'PUT', 'PATCH'])('is opened again for a 307 and a 308 of %s', async (method) => {
      for (const status of [307, 308]) {
        const { inner, transport } = setUp({ [`${REGISTRY}/blob`]: '/other' }, status);
        const open = jest.fn(() => Readable.from([Buffer.from('content')]));
        await transport.send(upload(method, open));
        expect(open).toHaveBeenCalledTimes(2);
        expect(inner.requests[1]).toMatchObject({ method, content: Buffer.from('content') });
      }
    });

    it.each([301, 302, 303])('is not followed by a %i, which would turn it into a GET', async (status) => {
      const { inner, transport } = setUp({ [`${REGISTRY}/blob`]: '/other' }, status);
      await expect(transport.send(upload('POST'))).resolves.toMatchObject({ status, headers: { location: '/other' } });
      expect(inner.calls).toHaveLength(1);
    });
  });

  describe('a form', () => {
    const form = (path: string) =>
      get(path, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: { open: () => Readable.from([Buffer.from('refresh_token=secret')]) },
      });

    it.each([307, 308])('goes nowhere else with a %i, for what stands in it', async (status) => {
      const { inner, transport } = setUp({ [`${REGISTRY}/token`]: 'https://elsewhere.example/token' }, status);
      await expect(transport.send(form('/token'))).rejects.toMatchObject({ code: 'REDIRECT_REFUSED' });
      expect(inner.calls).toHaveLength(1);
    });

    it('goes on within its origin', async () => {
      const { inner, transport } = setUp({ [`${REGISTRY}/token`]: '/other' });
      await transport.send(form('/token'));
      expect(inner.requests[1]?.content).toEqual(Buffer.from('refresh_token=secret'));
    });
  });

  it.each([
    ['http://storage.example/x', 'it redirects from https to plain http at storage.example'],
    ['http://registry.example/x', 'it redirects from https to plain http at registry.example'],
    ['ftp://storage.example/x', 'it redirects to ftp:'],
    ['file:///etc/passwd', 'it redirects to file:'],
    ['data:text/plain,x', 'it redirects to data:'],
    ['https://', 'it redirects to an address that is none'],
    ['https://169.254.169.254/latest', 'it redirects to the internal address 169.254.169.254'],
    ['https://localhost:8443/x', 'it redirects to the internal address localhost:8443'],
  ])('refuses the location %s', async (location, why) => {
    const { inner, transport } = setUp({ [`${REGISTRY}/blob?state=secret`]: location });
    const sending = transport.send(get('/blob?state=secret'));
    await expect(sending).rejects.toMatchObject({
      code: 'REDIRECT_REFUSED',
      message: `GET ${REGISTRY}/blob?state=REDACTED was not followed: ${why}`,
      retryable: false,
    });
    expect(inner.calls).toHaveLength(1);
  });

  it('lets plain http lead to plain http, and to https', async () => {
    const start = 'http://registry.example/blob';
    const { inner, transport } = setUp({
      [start]: 'http://storage.example/a',
      'http://storage.example/a': `${REGISTRY}/b`,
    });
    await transport.send({ ...get(), url: new URL(start) });
    expect(inner.calls).toEqual([`GET ${start}`, 'GET http://storage.example/a', `GET ${REGISTRY}/b`]);
  });

  describe('a chain', () => {
    const chain = (length: number) =>
      setUp(Object.fromEntries(Array.from({ length }, (_, i) => [`${REGISTRY}/${i}`, `/${i + 1}`])));

    it('may have ten links', async () => {
      const { inner, transport } = chain(10);
      await expect(transport.send(get('/0'))).resolves.toMatchObject({ status: 200 });
      expect(inner.calls).toHaveLength(11);
      await until(() => inner.openBodies === 1, 'the redirects are read to their end');
    });

    it('ends after ten, or five with a body', async () => {
      const { inner, transport } = setUp({ [`${REGISTRY}/loop`]: '/loop' });
      await expect(transport.send(get('/loop'))).rejects.toThrow('it redirects more than 10 times');
      expect(inner.calls).toHaveLength(11);
      const body = { open: () => Readable.from([]) };
      await expect(transport.send(get('/loop', { method: 'PUT', body }))).rejects.toThrow('more than 5 times');
      expect(inner.calls).toHaveLength(17);
    });
  });

  it('keeps what else the request says', async () => {
    const { inner, transport } = setUp({ [`${REGISTRY}/blob`]: '/other' });
    const { signal } = new AbortController();
    await transport.send(get('/blob', { signal, scopes: ['repository:app:pull'], repeatable: false }));
    expect(inner.requests[1]).toMatchObject({ signal, scopes: ['repository:app:pull'], repeatable: false });
  });

  it('closes what it wraps', async () => {
    const { inner, transport } = setUp({});
    await transport.close();
    expect(inner.isClosed).toBe(true);
  });
});
