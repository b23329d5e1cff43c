import { createReadStream } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { EmbeddedTransport } from '../../lib/embedded/embedded-transport.js';
import { MemoryStore } from '../../lib/embedded/memory-store.js';
import { jsonResponse, type RegistryHandler } from '../../lib/embedded/message.js';
import { EmbeddedRegistry } from '../../lib/embedded/registry.js';
import { RegistryError } from '../../lib/errors.js';
import { digestOf } from '../../lib/oci/digest.js';
import type { RequestBody, TransportRequest } from '../../lib/transport/transport.js';
import { Caller, jsonOf, withDigest } from '../contract/caller.js';
import { describeRegistry } from '../contract/describe-registry.js';

describeRegistry('EmbeddedTransport', () =>
  Promise.resolve({ url: new URL('http://registry.test'), transport: new EmbeddedTransport(), stop: () => {} }),
);

describe('EmbeddedTransport', () => {
  let transport: EmbeddedTransport;
  let caller: Caller;
  let location: string;

  beforeEach(async () => {
    transport = new EmbeddedTransport();
    caller = new Caller(transport);
    location = await caller.startUpload('app');
  });

  const requestOf = (method: string, path: string, more: Partial<TransportRequest> = {}): TransportRequest => ({
    method,
    url: new URL(path, 'http://registry.test'),
    headers: {},
    ...more,
  });
  const patch = (body: RequestBody, signal?: AbortSignal) =>
    transport.send(requestOf('PATCH', location, { body, ...(signal && { signal }) }));
  const received = async (): Promise<string | undefined> => (await caller.call('GET', location)).headers.range;

  it('keeps its content in memory, each its own', async () => {
    await caller.pushImage('app', 'v1');
    expect((await new Caller(new EmbeddedTransport()).call('GET', '/v2/app/tags/list')).status).toBe(404);
  });

  it('shares a registry with another one, and shows it', async () => {
    await caller.pushImage('app', 'v1');
    const other = new Caller(new EmbeddedTransport(transport.handler));
    expect((await other.call('GET', '/v2/app/tags/list')).status).toBe(200);
    expect(transport.handler).toBeInstanceOf(EmbeddedRegistry);
  });

  it('takes any handler', async () => {
    const handler: RegistryHandler = {
      handle: ({ method, target }) => Promise.resolve(jsonResponse(418, { method, target })),
    };
    const answer = await new Caller(new EmbeddedTransport(handler)).call('GET', '/v2/?x=1');
    expect([answer.status, jsonOf(answer)]).toEqual([418, { method: 'GET', target: '/v2/?x=1' }]);
  });

  it('answers for every host, with the URL that was asked', async () => {
    const url = new URL('https://other.example:8443/v2/');
    const response = await transport.send({ method: 'get', url, headers: {} });
    expect([response.status, response.url.href]).toEqual([200, url.href]);
  });

  it('takes header names in any case and gives them in lower case', async () => {
    const digest = await caller.pushBlob('app', '0123456789');
    const request = requestOf('GET', `/v2/app/blobs/${digest}`, { headers: { Range: 'bytes=0-1' } });
    const response = await transport.send(request);
    expect(await text(response.body)).toBe('01');
    expect(Object.keys(response.headers)).toEqual(Object.keys(response.headers).map((name) => name.toLowerCase()));
  });

  it('gives a response body that is read once', async () => {
    const { body } = await transport.send(requestOf('GET', '/v2/'));
    expect(await text(body)).toBe('{}');
    expect(body.readableEnded).toBe(true);
  });

  describe('a body', () => {
    it('is opened once and announced with its size', async () => {
      const open = jest.fn(() => Readable.from([Buffer.from('12345')]));
      const { status } = await transport.send(
        requestOf('PATCH', location, { headers: { 'content-range': '0-4' }, body: { size: 5, open } }),
      );
      expect([status, open.mock.calls.length]).toEqual([202, 1]);
      const wrong = requestOf('PATCH', location, { headers: { 'content-range': '5-9' }, body: { size: 4, open } });
      expect((await transport.send(wrong)).status).toBe(400);
    });

    it('may be opened later', async () => {
      const open = () => new Promise<Readable>((resolve) => setImmediate(() => resolve(Readable.from(['later']))));
      expect((await patch({ open })).headers.range).toBe('0-4');
    });

    it('may come as text or as other bytes', async () => {
      await patch({ open: () => Readable.from(['text', Uint8Array.of(65, 66)]) });
      const done = await caller.call('PUT', withDigest(location, digestOf('textAB')));
      expect(done.status).toBe(201);
    });

    it('is not copied on its way into the store', async () => {
      const content = Buffer.alloc(100_000, 'x');
      const digest = digestOf(content);
      await transport.send(
        requestOf('PUT', withDigest(location, digest), { body: { open: () => Readable.from([content]) } }),
      );
      content.fill('y');
      const stored = await caller.call('GET', `/v2/app/blobs/${digest}`);
      expect(stored.body.subarray(0, 3).toString()).toBe('yyy');
    });

    it('that ends before its announced size fails, and what arrived stays', async () => {
      const failure = patch({ size: 10, open: () => Readable.from([Buffer.from('123'), Buffer.from('456')]) });
      await expect(failure).rejects.toThrow(/its body ended after 6 of 10 bytes/);
      await expect(failure).rejects.toBeInstanceOf(RegistryError);
      expect(await received()).toBe('0-5');
    });

    it('that goes on beyond its announced size fails, and what was announced stays', async () => {
      const failure = patch({ size: 4, open: () => Readable.from([Buffer.from('123'), Buffer.from('456')]) });
      await expect(failure).rejects.toThrow(/its body has more than the 4 bytes announced/);
      expect(await received()).toBe('0-3');
    });

    it("that cannot be opened is the caller's error", async () => {
      const reason = new Error('no such entry');
      await expect(patch({ open: () => Promise.reject(reason) })).rejects.toBe(reason);
    });

    it('that fails is what the request fails with', async () => {
      const source = new PassThrough();
      const failure = patch({ open: () => source });
      source.write('half');
      const broken = new Error('disk gone');
      setImmediate(() => source.destroy(broken));
      await expect(failure).rejects.toBe(broken);
      expect(await received()).toBe('0-3');
    });

    it('that nobody reads is closed', async () => {
      const source = new PassThrough();
      const body = { open: () => source };
      const { status } = await transport.send(requestOf('PATCH', '/v2/app/blobs/uploads/nobody', { body }));
      expect([status, source.destroyed]).toEqual([404, true]);
    });

    it('that nobody reads may fail without harm', async () => {
      const body = { open: () => createReadStream('/nonexistent/file') };
      const { status } = await transport.send(requestOf('PATCH', '/v2/app/blobs/uploads/nobody', { body }));
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(status).toBe(404);
    });

    it('is read no faster than the store writes', async () => {
      const store = new MemoryStore();
      const writer = store.createBlob();
      let release = (): void => {};
      store.createBlob = () => ({ ...writer, write: () => new Promise((resolve) => (release = resolve)) });
      transport = new EmbeddedTransport(new EmbeddedRegistry({ store }));
      location = await new Caller(transport).startUpload('app');
      let pulled = 0;
      const read = function (this: Readable): void {
        this.push(pulled++ < 50 ? Buffer.alloc(1000) : null);
      };
      const sending = patch({ open: () => new Readable({ highWaterMark: 1000, read }) });
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(pulled).toBeLessThan(6);
      const pump = setInterval(() => release(), 0);
      await sending.finally(() => clearInterval(pump));
      expect(pulled).toBe(51);
    });
  });

  describe('an abort', () => {
    const reason = new Error('changed my mind');

    it('before sending opens nothing', async () => {
      const open = jest.fn(() => Readable.from([]));
      await expect(patch({ open }, AbortSignal.abort(reason))).rejects.toBe(reason);
      expect(open).not.toHaveBeenCalled();
    });

    it('while the body is opened closes it', async () => {
      const [abort, source] = [new AbortController(), new PassThrough()];
      const open = () => new Promise<Readable>((resolve) => setImmediate(() => resolve(source)));
      const sending = patch({ open }, abort.signal);
      abort.abort(reason);
      await expect(sending).rejects.toBe(reason);
      expect(source.destroyed).toBe(true);
    });

    it('while sending closes the source, and what arrived stays', async () => {
      const [abort, source] = [new AbortController(), new PassThrough()];
      const sending = patch({ open: () => source }, abort.signal);
      source.write('half of it');
      await new Promise(setImmediate);
      abort.abort(reason);
      await expect(sending).rejects.toBe(reason);
      expect(source.destroyed).toBe(true);
      expect(await received()).toBe('0-9');
      expect((await caller.call('PATCH', location, { body: ', and the rest' })).headers.range).toBe('0-23');
    });

    it('need not be an Error', async () => {
      const [abort, source] = [new AbortController(), new PassThrough()];
      const sending = patch({ open: () => source }, abort.signal);
      abort.abort('enough');
      await expect(sending).rejects.toBe('enough');
    });

    it('while the registry works does not wait for it', async () => {
      const store = new MemoryStore();
      Object.assign(store, { listRepositories: () => new Promise(() => {}) });
      const abort = new AbortController();
      const slow = new EmbeddedTransport(new EmbeddedRegistry({ store }));
      const sending = slow.send(requestOf('GET', '/v2/_catalog', { signal: abort.signal }));
      abort.abort(reason);
      await expect(sending).rejects.toBe(reason);
    });

    it('while the answer is read fails that', async () => {
      const abort = new AbortController();
      const digest = await caller.pushBlob('app', 'content');
      const { body } = await transport.send(requestOf('GET', `/v2/app/blobs/${digest}`, { signal: abort.signal }));
      abort.abort(reason);
      await expect(text(body)).rejects.toBe(reason);
    });

    it('while nobody reads the answer harms nobody', async () => {
      const abort = new AbortController();
      const { body } = await transport.send(requestOf('GET', '/v2/', { signal: abort.signal }));
      abort.abort(reason);
      await new Promise(setImmediate);
      expect(body.errored).toBe(reason);
    });

    it('wins over the error of a source that ends for the same reason', async () => {
      const [abort, source] = [new AbortController(), new PassThrough()];
      abort.signal.addEventListener('abort', () => source.destroy(new Error('reading was aborted')));
      const sending = patch({ open: () => source }, abort.signal);
      await new Promise(setImmediate);
      abort.abort(reason);
      await expect(sending).rejects.toBe(reason);
    });

    it('after everything is over does nothing', async () => {
      const abort = new AbortController();
      const { body } = await transport.send(requestOf('GET', '/v2/', { signal: abort.signal }));
      expect(await text(body)).toBe('{}');
      abort.abort(reason);
      await new Promise(setImmediate);
      expect(body.errored).toBeNull();
    });
  });
});
