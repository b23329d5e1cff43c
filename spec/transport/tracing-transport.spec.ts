import { AsyncLocalStorage } from 'node:async_hooks';
import { tracingChannel } from 'node:diagnostics_channel';
import { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import { EmbeddedTransport } from '../../lib/embedded/embedded-transport.js';
import { RegistryClient } from '../../lib/registry-client.js';
import { startTestRegistry } from '../../lib/testing/index.js';
import { type RequestTrace, TracingTransport } from '../../lib/transport/tracing-transport.js';
import type { TransportRequest } from '../../lib/transport/transport.js';
import { describeTransport } from '../contract/describe-transport.js';
import { type FakeHandler, FakeTransport } from '../support/fake-transport.js';

describeTransport('TracingTransport', () => ({
  url: new URL('http://registry.test'),
  transport: new TracingTransport(new EmbeddedTransport()),
  stop: () => undefined,
}));

const channel = tracingChannel<string, RequestTrace>('registry-api-v2-client:request');
type Heard = [event: string, trace: RequestTrace, asItWas: RequestTrace];
const leave: (() => void)[] = [];

/** Listens until the spec ends. */
function listen(): Heard[] {
  const heard: Heard[] = [];
  const hear = (event: string) => (trace: RequestTrace) => void heard.push([event, trace, { ...trace }]);
  const subscribers = {
    start: hear('start'),
    end: hear('end'),
    asyncStart: hear('asyncStart'),
    asyncEnd: hear('asyncEnd'),
    error: hear('error'),
  };
  channel.subscribe(subscribers);
  leave.push(() => channel.unsubscribe(subscribers));
  return heard;
}

const request: TransportRequest = {
  method: 'PUT',
  url: new URL('https://user:hunter2@registry.example/upload?digest=sha256:ab&state=hunter2'),
  headers: { authorization: 'Bearer hunter2' },
};

function setUp(handler: FakeHandler) {
  const inner = new FakeTransport(handler);
  return { inner, transport: new TracingTransport(inner) };
}

describe('TracingTransport', () => {
  afterEach(() => leave.splice(0).forEach((stop) => stop()));

  it('tells of the start and the end of a request with one object, and of its answer what is no secret', async () => {
    const heard = listen();
    const headers = { location: 'https://storage.example/?signature=hunter2', 'content-length': '7' };
    const { transport } = setUp(() => ({ status: 201, headers, body: 'hunter2' }));
    const response = await transport.send({
      ...request,
      body: { size: 3, open: () => Readable.from([Buffer.from('abc')]) },
    });
    expect(response).toMatchObject({ status: 201, headers });

    expect(heard.map(([event]) => event)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
    expect(new Set(heard.map(([, trace]) => trace)).size).toBe(1);
    const url = 'https://registry.example/upload?digest=sha256:ab&state=REDACTED';
    const asked = { method: 'PUT', url, origin: 'https://registry.example', requestSize: 3 };
    expect(heard[0]?.[2]).toEqual(asked);
    expect(heard[3]?.[2]).toMatchObject({ ...asked, status: 201, responseSize: 7, duration: expect.any(Number) });
    expect(inspect(heard, { depth: Infinity })).not.toContain('hunter2');
  });

  it('tells what failed, and how long that took', async () => {
    const heard = listen();
    const error = new Error('broken');
    const { transport } = setUp(() => {
      throw error;
    });
    await expect(transport.send(request)).rejects.toBe(error);
    expect(heard.map(([event]) => event)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd']);
    expect(heard[2]?.[2]).toMatchObject({ error, duration: expect.any(Number) });
    expect(heard[2]?.[2]).not.toHaveProperty('status');
  });

  it.each([
    ['that an answer to HEAD is not there', 'HEAD', { 'content-length': '7' }],
    ['what is no size', 'GET', { 'content-length': 'many' }],
    ['what nobody said', 'GET', {}],
  ])('takes for the size of an answer nothing of %s', async (_, method, headers) => {
    const heard = listen();
    await setUp(() => ({ headers })).transport.send({ ...request, method });
    expect(heard.at(-1)?.[1]).not.toHaveProperty('responseSize');
  });

  it('carries what is bound to the start into the request, and tells several apart', async () => {
    listen();
    const store = new AsyncLocalStorage<string>();
    channel.start.bindStore(store, ({ method }) => `span of ${method}`);
    leave.push(() => channel.start.unbindStore(store));
    const spans: (string | undefined)[] = [];
    const { transport } = setUp(() => {
      spans.push(store.getStore());
      return {};
    });
    await Promise.all([transport.send(request), transport.send({ ...request, method: 'HEAD' })]);
    expect(spans).toEqual(['span of PUT', 'span of HEAD']);
  });

  it('hands the request on as it is, looking at nothing, where nobody listens', async () => {
    const promise = Promise.resolve({ status: 200 } as never);
    const transport = new TracingTransport({ send: () => promise });
    const unreadable = new Proxy(request, {
      get: () => {
        throw new Error('somebody looked');
      },
    });
    expect(transport.send(unreadable)).toBe(promise);
    await promise;
  });

  it('closes what it wraps', async () => {
    const { inner, transport } = setUp(() => ({}));
    await transport.close();
    expect(inner.isClosed).toBe(true);
  });
});

describe('the requests of a client', () => {
  afterEach(() => leave.splice(0).forEach((stop) => stop()));

  it('are told one by one, those that are repeated and those for tokens too, without a secret', async () => {
    const faults = [{ on: 'PUT' as const, status: 503, times: 1 }];
    await using registry = await startTestRegistry({
      auth: 'bearer',
      password: 'hunter2-secret',
      sockets: false,
      faults,
    });
    const heard = listen();
    await registry.client().push('spec/fixtures/docker-26-multi-tag.tar', 'team/app:1.0');

    const traces = heard.filter(([event]) => event === 'asyncEnd').map(([, , trace]) => trace);
    const statuses = (method: string) => traces.filter((trace) => trace.method === method).map(({ status }) => status);
    expect(statuses('PUT')).toContain(503);
    expect(statuses('PUT').filter((status) => status === 201).length).toBeGreaterThan(0);
    expect(traces.some(({ url, status }) => url.includes('/token?') && status === 200)).toBe(true);
    const text = inspect(traces, { depth: Infinity });
    expect(text).not.toContain('hunter2');
    expect(text).not.toMatch(/basic|bearer|eyJ/i);
  });

  it('are told by clients that were made before anybody listened', async () => {
    const transport = new EmbeddedTransport();
    await using client = new RegistryClient({ url: 'http://registry.test', transport });
    await client.checkConnectivity();
    const heard = listen();
    await client.checkConnectivity();
    expect(heard.filter(([event]) => event === 'start')).toHaveLength(1);
  });
});
