import { once } from 'node:events';
import { Agent, get, type IncomingMessage, request, type Server as HttpServer } from 'node:http';
import { connect, Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { EmbeddedTransport } from '../../lib/embedded/embedded-transport.js';
import { RegistryServer } from '../../lib/embedded/http-server.js';
import { MemoryStore } from '../../lib/embedded/memory-store.js';
import type { RegistryHandler } from '../../lib/embedded/message.js';
import { EmbeddedRegistry } from '../../lib/embedded/registry.js';
import { digestOf } from '../../lib/oci/digest.js';
import { Caller, withDigest } from '../contract/caller.js';
import { describeRegistry } from '../contract/describe-registry.js';
import { HttpTransport } from '../contract/http-transport.js';

describeRegistry('RegistryServer', async () => {
  const server = await RegistryServer.start();
  const transport = new HttpTransport();
  const stop = async (): Promise<void> => {
    await transport.close();
    await server.close();
  };
  return { url: new URL(server.url), transport, stop };
});

describe('RegistryServer', () => {
  let server: RegistryServer;
  let transport: HttpTransport;
  let caller: Caller;

  beforeEach(async () => {
    server = await RegistryServer.start();
    transport = new HttpTransport();
    caller = new Caller(transport, new URL(server.url));
  });

  afterEach(async () => {
    await transport.close();
    await server.close();
  });

  /** A connection on which the spec writes every byte itself. */
  const open = async (): Promise<Socket> => {
    const socket = connect(server.port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  };
  const answerTo = async (bytes: string): Promise<string> => {
    const socket = await open();
    socket.end(bytes);
    return text(socket);
  };

  describe('start', () => {
    it('listens on a free port of the loopback', () => {
      expect(server.port).toBeGreaterThan(0);
      expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
    });

    it('takes a port, and says when it is taken', async () => {
      await expect(RegistryServer.start({ port: server.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
      await server.close();
      const again = await RegistryServer.start({ port: server.port });
      expect(again.port).toBe(server.port);
      await again.close();
    });

    it('takes a host, IPv6 too', async () => {
      const other = await RegistryServer.start({ host: '::1' });
      expect(other.url).toBe(`http://[::1]:${other.port}`);
      expect((await fetch(`${other.url}/v2/`)).status).toBe(200);
      await other.close();
    });

    it('takes a store, which other registries see', async () => {
      const store = new MemoryStore();
      await new Caller(new EmbeddedTransport(new EmbeddedRegistry({ store }))).pushImage('app', 'v1');
      const other = await RegistryServer.start({ store, chunkMinLength: 100 });
      const tags = await fetch(`${other.url}/v2/app/tags/list`);
      expect(await tags.json()).toEqual({ name: 'app', tags: ['v1'] });
      const upload = await fetch(`${other.url}/v2/app/blobs/uploads/`, { method: 'POST' });
      expect(upload.headers.get('oci-chunk-min-length')).toBe('100');
      await other.close();
    });

    it('takes any handler', async () => {
      const inner = new EmbeddedRegistry();
      const handler: RegistryHandler = {
        handle: async (request) => {
          if (request.headers.authorization === 'Bearer spec') return inner.handle(request);
          return { status: 401, headers: { 'www-authenticate': 'Bearer', 'content-length': '0' } };
        },
      };
      const other = await RegistryServer.start({ handler });
      const headers = { authorization: 'Bearer spec' };
      expect(other.handler).toBe(handler);
      expect((await fetch(`${other.url}/v2/`)).status).toBe(401);
      expect((await fetch(`${other.url}/v2/`, { headers })).status).toBe(200);
      await other.close();
    });
  });

  describe('a request', () => {
    it('is answered to HEAD without a body and with its length', async () => {
      const digest = await caller.pushBlob('app', 'twelve bytes');
      const raw = await answerTo(`HEAD /v2/app/blobs/${digest} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      const [head, body] = raw.split('\r\n\r\n');
      expect(head?.toLowerCase()).toContain('content-length: 12');
      expect(body).toBe('');
    });

    it('may name the whole URL', async () => {
      const raw = await answerTo(
        'GET http://registry.test/v2/ HTTP/1.1\r\nHost: registry.test\r\nConnection: close\r\n\r\n',
      );
      expect(raw).toMatch(/^HTTP\/1\.1 200 /);
    });

    it('keeps its path as it was sent', async () => {
      const raw = await answerTo('GET /v2/a/../../x/tags/list HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      expect(raw).toMatch(/^HTTP\/1\.1 400 [^]*NAME_INVALID/);
    });

    it('that is not HTTP is refused, and the server lives on', async () => {
      expect(await answerTo('\x16\x03\x01 not http\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
      expect(await answerTo(`GET /v2/ HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)).toMatch(
        /^HTTP\/1\.1 431 /,
      );
      expect((await caller.call('GET', '/v2/')).status).toBe(200);
    });

    it('may wait for permission to send', async () => {
      const location = await caller.startUpload('app');
      const outgoing = request(new URL(location, server.url), {
        method: 'PATCH',
        headers: { expect: '100-continue', 'content-length': 4 },
      });
      outgoing.flushHeaders();
      await once(outgoing, 'continue');
      outgoing.end('1234');
      const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
      response.resume();
      expect([response.statusCode, response.headers.range]).toEqual([202, '0-3']);
    });
  });

  describe('an answer before the body is read', () => {
    it('reaches a client that sends on, and the connection serves the next request', async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const outgoing = request(`${server.url}/v2/app/blobs/uploads/nobody`, {
        agent,
        method: 'PATCH',
        headers: { 'content-length': 8 * 1024 * 1024 },
      });
      outgoing.write(Buffer.alloc(1024));
      const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
      expect(response.statusCode).toBe(404);
      outgoing.end(Buffer.alloc(8 * 1024 * 1024 - 1024));
      expect(await text(response)).toContain('BLOB_UPLOAD_UNKNOWN');
      const [next] = (await once(get(`${server.url}/v2/`, { agent }), 'response')) as [IncomingMessage];
      expect([next.statusCode, next.socket.localPort]).toEqual([200, outgoing.socket?.localPort]);
      next.resume();
      agent.destroy();
    });

    it('reaches a client that reads only after it has sent everything', async () => {
      const size = 32 * 1024 * 1024;
      const raw = await answerTo(
        `PUT /v2/app/manifests/v1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`,
      );
      expect(raw).toMatch(/^HTTP\/1\.1 413 [^]*MANIFEST_INVALID/);
    });

    it('comes in the middle of a body, too, and the connection still serves the next request', async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const url = new URL(await caller.startUpload('app'), server.url);
      const outgoing = request(url, { agent, method: 'PATCH', headers: { 'content-range': '0-9' } });
      outgoing.write('0123456789');
      outgoing.write('one too many');
      const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
      expect([response.statusCode, await text(response)]).toEqual([400, expect.stringContaining('SIZE_INVALID')]);
      outgoing.end(Buffer.alloc(8 * 1024 * 1024));
      const [next] = (await once(get(`${server.url}/v2/`, { agent }), 'response')) as [IncomingMessage];
      expect([next.statusCode, next.socket.localPort]).toEqual([200, outgoing.socket?.localPort]);
      next.resume();
      agent.destroy();
    });

    it('does not hold up close, once the body is in', async () => {
      const agent = new Agent({ keepAlive: true });
      const url = `${server.url}/v2/app/blobs/uploads/nobody`;
      const outgoing = request(url, { agent, method: 'PATCH' });
      outgoing.write('first');
      const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
      response.resume();
      const started = performance.now();
      const closed = server.close();
      await sleep(20);
      outgoing.end('last');
      await closed;
      expect(performance.now() - started).toBeLessThan(1000);
      agent.destroy();
    });
  });

  describe('a client that goes away', () => {
    it('leaves what it has sent in the session', async () => {
      const location = await caller.startUpload('app');
      const socket = await open();
      socket.write(`PATCH ${location} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf of it`);
      while ((await caller.call('GET', location)).headers.range !== '0-9') await sleep(5);
      socket.destroy();
      let resumed = await caller.call('PATCH', location, { body: ', and the rest' });
      while (resumed.status === 416) {
        await sleep(5);
        resumed = await caller.call('PATCH', location, { body: ', and the rest' });
      }
      expect([resumed.status, resumed.headers.range]).toEqual([202, '0-23']);
      const digest = digestOf('half of it, and the rest');
      expect((await caller.call('PUT', withDigest(location, digest))).status).toBe(201);
    });

    it('does not disturb the others when it leaves in the middle of an answer', async () => {
      const digest = await caller.pushBlob('app', Buffer.alloc(16 * 1024 * 1024));
      const socket = await open();
      socket.write(`GET /v2/app/blobs/${digest} HTTP/1.1\r\nHost: x\r\n\r\n`);
      await once(socket, 'data');
      socket.destroy();
      expect((await caller.call('GET', `/v2/app/blobs/${digest}`)).body).toHaveLength(16 * 1024 * 1024);
    });
  });

  it('sets no limit on the time a request takes, only on its headers', async () => {
    const listen = jest.spyOn(Server.prototype, 'listen');
    const other = await RegistryServer.start();
    const { requestTimeout, headersTimeout, timeout } = listen.mock.contexts[0] as HttpServer;
    listen.mockRestore();
    await other.close();
    expect({ requestTimeout, headersTimeout, timeout }).toEqual({
      requestTimeout: 0,
      headersTimeout: 60_000,
      timeout: 0,
    });
  });

  it('keeps connections longer than clients do, so that none is closed under a request', async () => {
    const { headers } = await fetch(`${server.url}/v2/`);
    expect(headers.get('keep-alive')).toBe('timeout=120');
  });

  describe('close', () => {
    it('ends connections that are kept alive', async () => {
      await caller.call('GET', '/v2/');
      const started = performance.now();
      await server.close();
      expect(performance.now() - started).toBeLessThan(1000);
      await expect(caller.call('GET', '/v2/')).rejects.toThrow();
    });

    it('waits for a request under way, and then ends its connection', async () => {
      const location = await caller.startUpload('app');
      const agent = new Agent({ keepAlive: true });
      const outgoing = request(new URL(location, server.url), { agent, method: 'PATCH' });
      outgoing.write('first ');
      while ((await caller.call('GET', location)).headers.range !== '0-5') await sleep(5);
      const started = performance.now();
      const closed = server.close();
      await sleep(20);
      outgoing.end('second');
      const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
      response.resume();
      expect([response.statusCode, response.headers.range]).toEqual([202, '0-11']);
      await closed;
      expect(performance.now() - started).toBeLessThan(1000);
      agent.destroy();
    });

    it('cuts off what takes longer than the grace', async () => {
      const socket = await open();
      socket.on('error', () => {});
      const location = await caller.startUpload('app');
      socket.write(`PATCH ${location} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nstalled`);
      while ((await caller.call('GET', location)).headers.range !== '0-6') await sleep(5);
      const ended = once(socket, 'close');
      await server.close(50);
      await ended;
    });

    it('may be asked for twice', async () => {
      await Promise.all([server.close(), server.close()]);
      await server.close();
    });
  });
});
