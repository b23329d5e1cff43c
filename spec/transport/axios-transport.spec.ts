import { gzipSync } from 'node:zlib';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { RegistryServer } from '../../lib/embedded/http-server.js';
import { RegistryError } from '../../lib/errors.js';
import { AxiosTransport, type AxiosTransportOptions } from '../../lib/transport/axios-transport.js';
import { TimeLimit } from '../../lib/transport/time-limit.js';
import type { TransportRequest } from '../../lib/transport/transport.js';
import { describeRegistry } from '../contract/describe-registry.js';
import { describeTransport } from '../contract/describe-transport.js';
import { reset, stopServers, TestServer, until } from '../support/test-server.js';

const started = async () => {
  const server = await RegistryServer.start();
  const transport = new AxiosTransport();
  const stop = async (): Promise<void> => {
    await transport.close();
    await server.close(0);
  };
  return { url: new URL(server.url), transport, stop };
};

describeTransport('AxiosTransport', started);
describeRegistry('AxiosTransport before a RegistryServer', started);

const MIB = 1024 * 1024;

let transports: AxiosTransport[] = [];

function create(options?: AxiosTransportOptions): AxiosTransport {
  const transport = new AxiosTransport(options);
  transports.push(transport);
  return transport;
}

afterEach(async () => {
  await Promise.all(transports.map((transport) => transport.close()));
  transports = [];
  await stopServers();
});

function requestTo(url: URL, method = 'GET', more: Partial<TransportRequest> = {}): TransportRequest {
  return { method, url, headers: {}, ...more };
}

function bodyOf(content: string) {
  return { size: Buffer.byteLength(content), open: () => Readable.from([Buffer.from(content)]) };
}

async function failureOf(sending: Promise<unknown>): Promise<RegistryError> {
  const error = await sending.then(
    () => 'no error',
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(RegistryError);
  return error as RegistryError;
}

describe('AxiosTransport', () => {
  describe('a request', () => {
    /** Answers with what arrived: method, target and headers. */
    const mirror = () =>
      TestServer.http((request, response) => {
        const { method, url, rawHeaders } = request;
        request.resume().once('end', () => response.end(JSON.stringify({ method, url, rawHeaders })));
      });
    const arrived = async (request: TransportRequest) => {
      const { body } = await create().send(request);
      const { method, url, rawHeaders } = JSON.parse(await text(body)) as {
        method: string;
        url: string;
        rawHeaders: string[];
      };
      const names = rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
      const values = rawHeaders.filter((_, i) => i % 2 === 1);
      return { method, url, headers: Object.fromEntries(names.map((name, i) => [name, values[i]])) };
    };

    it('goes out with its path and query as they are', async () => {
      const server = await mirror();
      const target = '/v2/a%2Fb/?sig=a%2Bb+c%2Fd%3d&e=%7E~&&flag&e=2';
      expect(await arrived(requestTo(server.url(target)))).toMatchObject({ method: 'GET', url: target });
    });

    it('says who it is, wants the bytes as they are, and nothing more', async () => {
      const server = await mirror();
      expect((await arrived(requestTo(server.url()))).headers).toEqual({
        accept: '*/*',
        'accept-encoding': 'identity',
        'user-agent': expect.stringMatching(/^registry-api-v2-client\/\d+\.\d+\.\d+/),
        host: server.url().host,
        connection: 'keep-alive',
      });
    });

    it('has the headers of the caller', async () => {
      const headers = { accept: 'application/json', authorization: 'Bearer t', 'x-empty': '', range: 'bytes=1-2' };
      const server = await mirror();
      expect((await arrived(requestTo(server.url(), 'GET', { headers }))).headers).toMatchObject(headers);
    });

    it.each(['POST', 'PUT', 'PATCH'])('by %s without a body has the length 0 and no type', async (method) => {
      const { headers } = await arrived(requestTo((await mirror()).url(), method));
      expect(headers).toMatchObject({ 'content-length': '0' });
      expect(headers).not.toHaveProperty('content-type');
      expect(headers).not.toHaveProperty('transfer-encoding');
    });

    it.each(['GET', 'DELETE'])('by %s has no length', async (method) => {
      const { headers } = await arrived(requestTo((await mirror()).url(), method));
      expect(headers).not.toHaveProperty('content-length');
      expect(headers).not.toHaveProperty('transfer-encoding');
    });

    it('with a body of known size has that length, and the type it was given', async () => {
      const more = { headers: { 'content-type': 'application/octet-stream' }, body: bodyOf('12345') };
      const { headers } = await arrived(requestTo((await mirror()).url(), 'PUT', more));
      expect(headers).toMatchObject({ 'content-length': '5', 'content-type': 'application/octet-stream' });
      expect(headers).not.toHaveProperty('transfer-encoding');
    });

    it('with a body of unknown size is chunked', async () => {
      const body = { open: () => Readable.from([Buffer.from('12345')]) };
      const { headers } = await arrived(requestTo((await mirror()).url(), 'PATCH', { body }));
      expect(headers).toMatchObject({ 'transfer-encoding': 'chunked' });
      expect(headers).not.toHaveProperty('content-length');
      expect(headers).not.toHaveProperty('content-type');
    });

    it('cannot be split in two by a header', async () => {
      const server = await mirror();
      const headers = { 'x-name': 'a\r\nx-other: b' };
      const { headers: got = {} } = await arrived(requestTo(server.url(), 'GET', { headers })).catch(() => ({
        headers: {},
      }));
      expect(got).not.toHaveProperty('x-other');
    });
  });

  describe('an answer', () => {
    const answering = async (status: number, headers: Record<string, string | string[]>, body: string | Buffer = '') =>
      (await TestServer.http((_, response) => response.writeHead(status, headers).end(body))).url();

    it('has repeated headers joined', async () => {
      const url = await answering(401, { 'WWW-Authenticate': ['Basic realm="a"', 'Bearer realm="b"'], X: ['1', '2'] });
      const { headers } = await create().send(requestTo(url));
      expect(headers['www-authenticate']).toBe('Basic realm="a", Bearer realm="b"');
      expect(headers.x).toBe('1, 2');
    });

    it('has no headers but its own', async () => {
      const { headers } = await create().send(requestTo(await answering(200, {})));
      expect((headers as { constructor?: unknown }).constructor).toBeUndefined();
      expect(headers.tostring).toBeUndefined();
    });

    it('is not decoded', async () => {
      const packed = gzipSync('content');
      const url = await answering(200, { 'content-encoding': 'gzip' }, packed);
      const { headers, body } = await create().send(requestTo(url));
      expect(await buffer(body)).toEqual(packed);
      expect(headers['content-encoding']).toBe('gzip');
    });

    it.each([301, 302, 303, 307, 308])('with status %i is not followed', async (status) => {
      const url = await answering(status, { location: '/elsewhere' });
      const response = await create().send(requestTo(url));
      expect([response.status, response.headers.location]).toEqual([status, '/elsewhere']);
    });

    it('that is cut off fails in its body, and may be asked for again', async () => {
      const server = await TestServer.http((_, response) => {
        response.writeHead(200, { 'content-length': 100 }).write('half');
        setTimeout(() => response.destroy(), 20);
      });
      const { body } = await create().send(requestTo(server.url('/v2/?sig=secret')));
      const error = await failureOf(text(body));
      expect(error).toMatchObject({ code: 'ECONNRESET', retryable: true, status: undefined, method: 'GET' });
      expect(error.message).toMatch(/^GET http:.*\/v2\/\?sig=REDACTED broke off in its answer/);
    });

    it('that is cut off while nobody reads it ends no process', async () => {
      const server = await TestServer.http((_, response) => {
        response.writeHead(200, { 'content-length': 100 }).write('half');
        setTimeout(() => response.destroy(), 5);
      });
      const { body } = await create().send(requestTo(server.url()));
      await until(() => body.destroyed, 'the body hears of it');
      await failureOf(text(body));
    });

    it('dropped in its middle frees the connection at once, though the server is silent', async () => {
      const server = await TestServer.http((_, response) => response.writeHead(200).write('half'));
      const { body } = await create().send(requestTo(server.url()));
      expect(body.read() ?? (await new Promise((resolve) => body.once('data', resolve)))).toEqual(Buffer.from('half'));
      body.destroy();
      await until(() => server.openSockets === 0, 'the socket is closed', 2000);
    });

    it('is not read ahead of its reader', async () => {
      let sent = 0;
      const server = await TestServer.http((_, response) => {
        const chunks = function* () {
          for (; sent < 200; sent++) yield Buffer.alloc(MIB);
        };
        Readable.from(chunks()).pipe(response);
      });
      const { body } = await create().send(requestTo(server.url()));
      await new Promise((resolve) => body.once('readable', resolve));
      await sleep(200);
      expect(sent).toBeLessThan(40);
      body.destroy();
    });
  });

  describe('its connections', () => {
    const echo = () =>
      TestServer.http((request, response) =>
        request.resume().once('end', () => setTimeout(() => response.end('x'), 20)),
      );

    it('are used again', async () => {
      const server = await echo();
      const transport = create();
      for (let i = 0; i < 10; i++) {
        const request = requestTo(server.url(), 'PUT', { body: bodyOf('content') });
        await text((await transport.send(request)).body);
      }
      expect([server.requests.length, server.sockets.length]).toEqual([10, 1]);
    });

    it('are no more than allowed', async () => {
      const server = await echo();
      const transport = create({ maxSockets: 4 });
      const send = async () => text((await transport.send(requestTo(server.url()))).body);
      expect(await Promise.all(Array.from({ length: 20 }, send))).toHaveLength(20);
      expect(server.sockets).toHaveLength(4);
    });

    it('may be waited for longer than for silence, and nothing is read meanwhile', async () => {
      const server = await TestServer.http((request, response) => {
        request.resume();
        setTimeout(() => response.end(), 300);
      });
      const transport = create({ maxSockets: 1, idleTimeout: 100 });
      const first = transport.send(requestTo(server.url(), 'PUT', { body: bodyOf('first') }));
      const read = jest.fn();
      const source = new Readable({ read, highWaterMark: 1 });
      const body = { open: () => source };
      const second = transport.send(requestTo(server.url(), 'PUT', { body }));
      await sleep(200);
      expect(read).not.toHaveBeenCalled();
      source.push(null);
      await text((await first).body);
      await expect(second).resolves.toMatchObject({ status: 200 });
    });

    it('are waited for without counting that as time of the request', async () => {
      const server = await TestServer.http(({ url }, response) => {
        setTimeout(() => response.end(), url === '/slow' ? 1200 : 0);
      });
      const transport = create({ maxSockets: 1 });
      const slow = transport.send(requestTo(server.url('/slow'), 'GET'));
      const limit = new TimeLimit(1000, undefined);
      const quick = transport.send(requestTo(server.url(), 'GET', { signal: limit.signal }));
      await text((await slow).body);
      await expect(quick).resolves.toMatchObject({ status: 200 });
      limit.end();
    });

    it('are not waited for when none comes free for anybody', async () => {
      const server = await TestServer.http((_, response) => response.writeHead(200).write('half'));
      const transport = create({ maxSockets: 1, responseTimeout: 200 });
      const unread = await transport.send(requestTo(server.url(), 'GET'));
      const waiting = transport.send(requestTo(server.url(), 'GET'));
      await expect(waiting).rejects.toThrow('nothing moved for 0.2 s while waiting for a free connection');
      unread.body.destroy();
    });

    it('end when it is closed', async () => {
      const server = await echo();
      const transport = create();
      await text((await transport.send(requestTo(server.url()))).body);
      expect(server.openSockets).toBe(1);
      await transport.close();
      await until(() => server.openSockets === 0, 'the idle socket is closed');
    });

    describe('when the server closes one just as it is used again', () => {
      /** Answers one request, ends that connection when it has read `bytes` of the next, and answers 201 on any other. */
      const closing = async (bytes = 1) => {
        const seen: string[] = [];
        const server = await TestServer.tcp((socket) => {
          const isFirst = server.sockets.length === 0;
          let read = -1;
          socket.on('data', (data) => {
            const line = /^[A-Z]+ \/\w+/.exec(data.toString('latin1'))?.[0];
            if (line) seen.push(line);
            if (read >= 0) read += data.length;
            if (read >= bytes) return reset(socket);
            if (!line || read >= 0) return;
            if (isFirst) read = 0;
            socket.write(`HTTP/1.1 ${isFirst ? 200 : 201} OK\r\ncontent-length: 0\r\n\r\n`);
          });
        });
        const transport = create();
        await text((await transport.send(requestTo(server.url('/first')))).body);
        return { server, seen, transport };
      };

      const open = () => Readable.from([Buffer.from('content')]);

      it.each<[string, string, Partial<TransportRequest>]>([
        ['a GET', 'GET', {}],
        ['the start of an upload', 'POST', { repeatable: false }],
        ['the end of an upload', 'PUT', { repeatable: false }],
        ['a manifest', 'PUT', { body: { size: 7, open } }],
      ])('%s is sent again on a new one', async (_, method, more) => {
        const { server, seen, transport } = await closing();
        const response = await transport.send(requestTo(server.url('/second'), method, more));
        expect(response.status).toBe(201);
        expect(seen).toEqual(['GET /first', `${method} /second`, `${method} /second`]);
      });

      it.each<[string, Partial<TransportRequest>]>([
        ['PATCH', {}],
        ['PUT', { repeatable: false }],
      ])('the content of an upload by %s is not, of which the server may have kept a part', async (method, more) => {
        const { server, seen, transport } = await closing();
        const request = requestTo(server.url('/second'), method, { body: { size: 7, open }, ...more });
        expect(await failureOf(transport.send(request))).toMatchObject({ code: 'ECONNRESET', retryable: true });
        expect(seen).toEqual(['GET /first', `${method} /second`]);
      });

      it('a large body that was on its way is not', async () => {
        const { server, seen, transport } = await closing(3 * MIB);
        const open = jest.fn(() => Readable.from(Array.from({ length: 50 }, () => Buffer.alloc(MIB))));
        const sending = transport.send(requestTo(server.url('/second'), 'PUT', { body: { open } }));
        expect(await failureOf(sending)).toMatchObject({ retryable: true });
        expect(open).toHaveBeenCalledTimes(1);
        expect(seen).toEqual(['GET /first', 'PUT /second']);
      });

      it('nothing is sent again that failed on a new connection', async () => {
        const server = await TestServer.tcp((socket) => socket.once('data', () => reset(socket)));
        expect(await failureOf(create().send(requestTo(server.url())))).toMatchObject({
          code: 'ECONNRESET',
          retryable: true,
        });
        expect(server.sockets).toHaveLength(1);
      });
    });
  });

  describe('memory', () => {
    it('holds little of an upload to a slow server', async () => {
      let received = 0;
      const server = await TestServer.http((request, response) => {
        request.on('data', (chunk: Buffer) => {
          received += chunk.length;
          request.pause();
          setImmediate(() => request.resume());
        });
        request.once('end', () => response.end());
      });
      let [produced, ahead] = [0, 0];
      const size = 200 * MIB;
      const read = function (this: Readable): void {
        ahead = Math.max(ahead, produced - received);
        produced += MIB;
        this.push(produced > size ? null : Buffer.alloc(MIB));
      };
      const before = process.memoryUsage().rss;
      const open = () => new Readable({ read, highWaterMark: MIB });
      const response = await create().send(requestTo(server.url(), 'PUT', { body: { size, open } }));
      expect([response.status, received]).toEqual([200, size]);
      expect(ahead).toBeLessThan(24 * MIB);
      expect(process.memoryUsage().rss - before).toBeLessThan(190 * MIB);
    });
  });

  describe('TLS', () => {
    const secure = () => TestServer.https((_, response) => response.end('secret'));

    it('with a certificate nobody vouches for is refused, with a hint', async () => {
      const error = await failureOf(create().send(requestTo((await secure()).url())));
      expect(error).toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT', retryable: false });
      expect(error.message).toContain('--ca-file');
    });

    it('takes any certificate when told to', async () => {
      const transport = create({ insecure: true });
      const server = await secure();
      for (const body of [undefined, bodyOf('x'.repeat(MIB))]) {
        const request = requestTo(server.url(), body ? 'PUT' : 'GET', body ? { body } : {});
        expect(await text((await transport.send(request)).body)).toBe('secret');
      }
    });

    it('spoken to a plain server says so', async () => {
      const plain = await TestServer.http((_, response) => response.end());
      const url = new URL(plain.url().href.replace('http:', 'https:'));
      const error = await failureOf(create().send(requestTo(url)));
      expect(error.retryable).toBe(false);
      expect(error.message).toContain('does not speak TLS');
    });

    it('not spoken to a server that does fails', async () => {
      const url = new URL((await secure()).url().href.replace('https:', 'http:'));
      expect((await failureOf(create().send(requestTo(url)))).code).toMatch(/ECONNRESET|HPE_/);
    });
  });

  describe('a proxy', () => {
    const names = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'no_proxy', 'NO_PROXY'];
    const before = Object.fromEntries(names.map((name) => [name, process.env[name]]));

    beforeEach(() => names.forEach((name) => delete process.env[name]));

    afterEach(() => {
      for (const [name, value] of Object.entries(before)) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    });

    const proxy = () => TestServer.http((request, response) => response.end(`proxied ${request.url}`));

    it('from the environment is used', async () => {
      process.env.http_proxy = (await proxy()).url().href;
      const { body } = await create().send(requestTo(new URL('http://registry.invalid/v2/')));
      expect(await text(body)).toBe('proxied http://registry.invalid/v2/');
    });

    it('is never used for this machine', async () => {
      const server = await TestServer.http((_, response) => response.end('direct'));
      process.env.http_proxy = (await proxy()).url().href;
      expect(await text((await create().send(requestTo(server.url()))).body)).toBe('direct');
    });
  });

  it('shows no secret of a request in what it throws', async () => {
    const { port } = (await TestServer.tcp((socket) => socket.once('data', () => reset(socket)))).url();
    const headers = { authorization: 'Bearer hunter2' };
    const url = new URL(`http://user:hunter2@127.0.0.1:${port}/v2/?sig=hunter2`);
    const refused = new URL('http://127.0.0.1:1/v2/?sig=hunter2');
    for (const target of [url, refused]) {
      const error = await failureOf(create().send(requestTo(target, 'PUT', { headers, body: bodyOf('hunter2') })));
      const shown = [
        inspect(error, { depth: 20, showHidden: true }),
        JSON.stringify(error),
        error.stack,
        String(error),
      ];
      expect(shown.join('\n')).not.toContain('hunter2');
    }
  });
});
