import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { RegistryError } from '../../lib/errors.js';
import { AxiosTransport, type AxiosTransportOptions } from '../../lib/transport/axios-transport.js';
import { Connections } from '../../lib/transport/connections.js';
import { Exchange, type Perform } from '../../lib/transport/exchange.js';
import { TimeLimit } from '../../lib/transport/time-limit.js';
import { LINGER, type TransportRequest } from '../../lib/transport/transport.js';
import { reset, stopServers, TestServer, until } from '../support/test-server.js';

const MIB = 1024 * 1024;

let transport: AxiosTransport | undefined;

function create(options?: AxiosTransportOptions): AxiosTransport {
  transport = new AxiosTransport(options);
  return transport;
}

afterEach(async () => {
  await transport?.close();
  await stopServers();
});

/** An upload of `size` bytes, and the source it was opened as. */
function uploadTo(url: URL, size = 64 * MIB, more: Partial<TransportRequest> = {}) {
  let left = size;
  const source = new Readable({
    highWaterMark: MIB,
    read() {
      const length = Math.min(left, MIB);
      left -= length;
      this.push(length === 0 ? null : Buffer.alloc(length));
    },
  });
  const request: TransportRequest = {
    method: 'PUT',
    url,
    headers: {},
    body: { size, open: () => source },
    ...more,
  };
  return { request, source, read: () => size - left };
}

async function failureOf(sending: Promise<unknown>): Promise<RegistryError> {
  const error = await sending.then(
    () => 'no error',
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(RegistryError);
  return error as RegistryError;
}

// What axios and Node do in each of these cases is in the notes on streaming; the sockets here are real for that reason.
describe('Exchange', () => {
  describe('when the answer comes before the body is sent', () => {
    const close = { connection: 'close' };
    const cases: [string, number, (request: IncomingMessage, response: ServerResponse) => void][] = [
      [
        'and the rest is taken in',
        401,
        (request, response) => response.writeHead(401).end('no', () => request.resume()),
      ],
      ['and the rest is not read', 403, (_, response) => response.writeHead(403).end('no')],
      ['and the connection is closed', 413, (_, response) => response.writeHead(413, close).end('no')],
      [
        'and the connection is destroyed',
        413,
        (request, response) => response.writeHead(413, close).end('no', () => request.socket.destroy()),
      ],
      ['and the connection is reset', 413, (request, response) => resetAfter(request, response.writeHead(413, close))],
      ['and points elsewhere', 307, (_, response) => response.writeHead(307, { location: '/elsewhere' }).end('no')],
      ['and blames the server', 500, (_, response) => response.writeHead(500).end('no')],
    ];

    it.each(cases)('%s, the answer is %i', async (_, status, answer) => {
      const server = await TestServer.http(answer);
      const { request, source, read } = uploadTo(server.url());
      const response = await create().send(request);
      expect(response.status).toBe(status);
      expect(await text(response.body)).toBe('no');
      expect(source.destroyed).toBe(true);
      expect(read()).toBeLessThan(64 * MIB);
      await until(() => server.openSockets === 0, 'the connection is free');
    });

    it('and the server reads no further, its connection is free for others', async () => {
      const server = await TestServer.tcp((socket) => {
        socket.once('data', (data) => {
          const isUpload = data.toString('latin1').startsWith('PUT');
          if (isUpload) socket.pause();
          socket.write(`HTTP/1.1 ${isUpload ? 403 : 200} x\r\ncontent-length: 2\r\n\r\nno`);
        });
      });
      const one = create({ maxSockets: 1 });
      expect((await one.send(uploadTo(server.url()).request)).status).toBe(403);
      const next = await one.send({ method: 'GET', url: server.url(), headers: {}, signal: AbortSignal.timeout(2000) });
      expect([next.status, server.sockets.length]).toEqual([200, 2]);
    });

    it('and dribbles, what has come within two seconds counts', async () => {
      const server = await TestServer.http((_, response) => {
        response.writeHead(403).write('no');
        const timer = setInterval(() => response.write('.'), 50);
        response.on('close', () => clearInterval(timer));
      });
      const response = await create().send(uploadTo(server.url()).request);
      expect(response.status).toBe(403);
      expect(await text(response.body)).toMatch(/^no\.{5,}$/);
    });

    it('and is endless, it is cut off', async () => {
      const server = await TestServer.http((_, response) => {
        response.writeHead(403);
        const write = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(10_000, 'x')));
        };
        response.on('drain', write).on('error', () => undefined);
        write();
      });
      const response = await create().send(uploadTo(server.url()).request);
      expect((await text(response.body)).length).toBeLessThan(200_000);
    });

    it.each([200, 204])('and is the %s of something that is no registry, it is the answer', async (status) => {
      const server = await TestServer.tcp((socket) =>
        socket.once('data', () => {
          socket.write(`HTTP/1.1 ${status} x\r\n${status === 200 ? 'content-length: 6\r\n' : ''}\r\n`);
          if (status === 200) socket.write('<html>');
          setTimeout(() => socket.destroy(), 50);
        }),
      );
      expect(await create().send(uploadTo(server.url()).request)).toMatchObject({ status });
    });

    /** Says yes to the first bytes, and leaves the rest to `then`. */
    const yes = (then: (socket: Socket) => void) =>
      TestServer.tcp((socket) =>
        socket.once('data', () => {
          socket.write('HTTP/1.1 201 Created\r\ncontent-length: 6\r\n\r\nstored');
          then(socket);
        }),
      );

    it('and is yes, the rest still goes out', async () => {
      let received = 0;
      const server = await yes((socket) => {
        socket.pause();
        socket.on('data', (chunk) => (received += chunk.length));
        setTimeout(() => socket.resume(), 30);
      });
      const { request, read } = uploadTo(server.url());
      const response = await create().send(request);
      expect([response.status, read()]).toEqual([201, 64 * MIB]);
      expect(await text(response.body)).toBe('stored');
      await until(() => received > 63 * MIB, 'everything arrives');
    });

    it.each([
      ['with its length', {}],
      ['in chunks', { body: { open: () => uploadTo(new URL('http://unused')).source } }],
    ])('and is yes, but the connection ends, a body %s is not taken for stored', async (_, more) => {
      const server = await yes((socket) => setTimeout(() => socket.destroy(), 20));
      const { request } = uploadTo(server.url(), 64 * MIB, more);
      expect(await failureOf(create().send(request))).toMatchObject({ retryable: true, status: undefined });
    });

    it('and is yes, but nothing more is taken, patience ends', async () => {
      const server = await yes((socket) => socket.pause());
      const { request, source } = uploadTo(server.url());
      expect(await failureOf(create({ idleTimeout: 100 }).send(request))).toMatchObject({ code: 'ETIMEDOUT' });
      expect(source.destroyed).toBe(true);
    });

    it('and is yes, it can still be aborted', async () => {
      const server = await yes((socket) => socket.pause());
      const abort = new AbortController();
      const { request, source } = uploadTo(server.url(), 64 * MIB, { signal: abort.signal });
      setTimeout(() => abort.abort(new Error('enough')), 50);
      await expect(create().send(request)).rejects.toThrow('enough');
      expect(source.destroyed).toBe(true);
    });

    it('and is yes, the failure of the source is still told', async () => {
      const server = await yes((socket) => socket.pause());
      const { request, source } = uploadTo(server.url());
      setTimeout(() => source.destroy(new Error('disk gone')), 50);
      await expect(create().send(request)).rejects.toThrow('disk gone');
    });
  });

  describe('when the connection breaks', () => {
    const breaking: [string, (socket: Socket) => void][] = [
      ['is reset in the middle of the body', (socket) => socket.once('data', () => reset(socket))],
      ['is closed in the middle of the body', (socket) => socket.once('data', () => socket.destroy())],
      ['is ended in the middle of the body', (socket) => socket.once('data', () => socket.end())],
      ['is reset at once', (socket) => reset(socket)],
    ];

    it.each(breaking)('and %s, it can be tried again', async (_, onConnection) => {
      const server = await TestServer.tcp(onConnection);
      const { request, source } = uploadTo(server.url('/upload?state=secret'));
      const error = await failureOf(create().send(request));
      expect(error).toMatchObject({ retryable: true, status: undefined, method: 'PUT' });
      expect(error.code).toMatch(/^(ECONNRESET|EPIPE)$/);
      expect(error.message).toMatch(/^PUT http:\/\/127\.0\.0\.1:\d+\/upload\?state=REDACTED got no answer: /);
      expect(source.destroyed).toBe(true);
    });

    it('after the whole body, it can be tried again', async () => {
      const server = await TestServer.http((request) => {
        request.resume().once('end', () => request.socket.destroy());
      });
      const { request } = uploadTo(server.url(), 2 * MIB);
      expect(await failureOf(create().send(request))).toMatchObject({ code: 'ECONNRESET', retryable: true });
    });
  });

  it('says that nobody listens', async () => {
    const server = await TestServer.http(() => undefined);
    const url = server.url();
    await server.stop();
    const { request, source } = uploadTo(url);
    const error = await failureOf(create().send(request));
    expect(error).toMatchObject({ code: 'ECONNREFUSED', retryable: true });
    expect(error.message).toMatch(/Is the registry running, and is the port right\?$/);
    expect(source.destroyed).toBe(true);
  });

  it('says that a server speaks something else', async () => {
    const server = await TestServer.tcp((socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'));
    const error = await failureOf(create().send({ method: 'GET', url: server.url(), headers: {} }));
    expect(error).toMatchObject({ code: 'HPE_INVALID_CONSTANT', retryable: false });
    expect(error.message).toContain('does not speak HTTP');
  });

  describe('when as many are under way as there are connections', () => {
    /** Exchanges of which each ends when it is told to. */
    function under(connections: Connections, signal?: AbortSignal, path = '/') {
      let fail = (_: Error): void => undefined;
      const perform = jest.fn<Perform>(() => new Promise((_, reject) => (fail = reject)));
      const request: TransportRequest = { method: 'GET', url: new URL(path, 'http://host'), headers: {}, signal };
      const ended = new Exchange(request, perform, { idle: 60_000, answer: 60_000 }, connections)
        .run()
        .catch(() => 'x');
      return { perform, ended, end: () => fail(new Error('done')) };
    }
    const settle = () => sleep(1);

    it('the next waits in a line, in the order they came, and not in the queue of Node', async () => {
      const connections = new Connections(1);
      const [first, second, third] = [under(connections), under(connections), under(connections)];
      await settle();
      expect([first, second, third].map(({ perform }) => perform.mock.calls.length)).toEqual([1, 0, 0]);
      first.end();
      await first.ended;
      await settle();
      expect([second, third].map(({ perform }) => perform.mock.calls.length)).toEqual([1, 0]);
      second.end();
      await second.ended;
      await settle();
      expect(third.perform).toHaveBeenCalledTimes(1);
    });

    it('others go to other servers', async () => {
      const connections = new Connections(1);
      under(connections);
      const other = under(connections, undefined, 'http://other');
      await settle();
      expect(other.perform).toHaveBeenCalledTimes(1);
    });

    it('whoever leaves the line takes nobody’s turn', async () => {
      const [connections, abort] = [new Connections(1), new AbortController()];
      const [first, second, third] = [under(connections), under(connections, abort.signal), under(connections)];
      await settle();
      abort.abort('enough');
      await second.ended;
      first.end();
      await first.ended;
      await settle();
      expect([second, third].map(({ perform }) => perform.mock.calls.length)).toEqual([0, 1]);
    });

    it('the time of a call does not run in the line', async () => {
      const [connections, limit] = [new Connections(1), new TimeLimit(30, undefined)];
      const [first, second] = [under(connections), under(connections, limit.signal)];
      await sleep(60);
      expect(limit.isOver).toBe(false);
      first.end();
      await first.ended;
      await until(() => second.perform.mock.calls.length === 1, 'its turn comes');
      limit.end();
    });
  });

  describe('what lingers', () => {
    const post = (url: URL, signal: AbortSignal): TransportRequest => ({
      ...{ method: 'POST', url, headers: {}, signal, lingers: true },
    });

    it('does not when it waits for a connection, and is never sent', async () => {
      const answers: ServerResponse[] = [];
      const server = await TestServer.http((_, response) => answers.push(response));
      const transport = create({ maxSockets: 1 });
      const first = transport.send({ method: 'GET', url: server.url('/first'), headers: {} });
      await until(() => answers.length === 1, 'the connection is taken');
      const abort = new AbortController();
      const second = transport.send(post(server.url('/second'), abort.signal));
      await sleep(5);
      abort.abort('enough');
      await expect(second).rejects.toBe('enough');
      answers[0]?.end();
      (await first).body.resume();
      await sleep(20);
      expect(server.requests).toEqual(['GET /first']);
    });

    it('does not when the connection is only being made', async () => {
      const server = await TestServer.http(() => undefined);
      const abort = new AbortController();
      const sending = create().send(post(server.url(), abort.signal));
      abort.abort('enough');
      await expect(sending).rejects.toBe('enough');
      await sleep(20);
      expect(server.requests).toEqual([]);
    });

    it('does not when a part of its body is missing', async () => {
      const server = await TestServer.http((request) => request.resume());
      const abort = new AbortController();
      const source = new Readable({ read: () => undefined });
      source.push('half');
      const request = { ...post(server.url(), abort.signal), body: { size: 8, open: () => source } };
      const sending = create().send(request);
      await until(() => server.requests.length === 1, 'the request arrives');
      const timers = jest.spyOn(globalThis, 'setTimeout');
      abort.abort('enough');
      await expect(sending).rejects.toBe('enough');
      expect(timers.mock.calls.map(([, ms]) => ms)).not.toContain(LINGER);
      timers.mockRestore();
    });

    it('ends with the reason of the abort when the connection breaks', async () => {
      const server = await TestServer.http((request) => {
        abort.abort('enough');
        setTimeout(() => reset(request.socket), 10);
      });
      const abort = new AbortController();
      await expect(create().send(post(server.url(), abort.signal))).rejects.toBe('enough');
      expect(server.requests).toHaveLength(1);
    });
  });

  describe('when nothing moves', () => {
    const silence = () => TestServer.tcp((socket) => socket.pause());
    const get = (url: URL): TransportRequest => ({ method: 'GET', url, headers: {} });

    it('while sending, patience ends', async () => {
      const server = await silence();
      const { request, source } = uploadTo(server.url());
      const error = await failureOf(create({ idleTimeout: 100 }).send(request));
      expect(error).toMatchObject({ code: 'ETIMEDOUT', retryable: true });
      expect(error.message).toContain('nothing moved for 0.1 s while sending');
      expect(source.destroyed).toBe(true);
    });

    it('after the last byte, another patience ends', async () => {
      const server = await TestServer.http((request) => request.resume());
      const { request } = uploadTo(server.url(), MIB);
      const start = performance.now();
      const error = await failureOf(create({ idleTimeout: 50, responseTimeout: 200 }).send(request));
      expect(error.message).toContain('nothing moved for 0.2 s while waiting for the answer');
      expect(performance.now() - start).toBeGreaterThan(190);
    });

    it('and there is no body, the patience for answers ends', async () => {
      const server = await silence();
      const request: TransportRequest = { method: 'PUT', url: server.url(), headers: {} };
      const sending = create({ idleTimeout: 10, responseTimeout: 100 }).send(request);
      expect((await failureOf(sending)).message).toContain('0.1 s while waiting for the answer');
    });

    it('and a download does not begin, patience ends', async () => {
      const server = await silence();
      const sending = create({ idleTimeout: 100, responseTimeout: 60_000 }).send(get(server.url()));
      expect((await failureOf(sending)).message).toContain('0.1 s while waiting for the answer');
    });

    it('and the time of a call is limited, that limit counts', async () => {
      const server = await silence();
      const limit = new TimeLimit(300, undefined);
      const request = { ...get(server.url()), signal: limit.signal };
      await expect(create({ idleTimeout: 10 }).send(request)).rejects.toThrow('the time for this request is over');
      limit.end();
    });

    it('in the answer, patience ends', async () => {
      const server = await TestServer.http((_, response) => response.writeHead(200).write('half'));
      const { body } = await create({ idleTimeout: 100 }).send(get(server.url()));
      const error = await failureOf(text(body));
      expect(error).toMatchObject({ code: 'ETIMEDOUT', retryable: true });
      expect(error.message).toContain('nothing moved for 0.1 s while receiving');
      await until(() => server.openSockets === 0, 'the connection is free');
    });
  });

  describe('a slow transfer is no silence', () => {
    it('when the source takes its time', async () => {
      const server = await TestServer.http((request, response) => request.resume().once('end', () => response.end()));
      const slow = async function* () {
        for (let i = 0; i < 3; i++) {
          await sleep(120);
          yield Buffer.from('x');
        }
      };
      const { request } = uploadTo(server.url(), 3, { body: { size: 3, open: () => Readable.from(slow()) } });
      const response = await create({ idleTimeout: 50, responseTimeout: 2000 }).send(request);
      expect(response.status).toBe(200);
    });

    it('when the server takes its time, but takes', async () => {
      const server = await TestServer.http((request, response) => {
        request.on('data', () => {
          request.pause();
          setTimeout(() => request.resume(), 2);
        });
        request.once('end', () => response.end());
      });
      const { request } = uploadTo(server.url(), 48 * MIB);
      const start = performance.now();
      expect((await create({ idleTimeout: 800 }).send(request)).status).toBe(200);
      // Long enough to be given up, if a server that takes its time were a silent one.
      expect(performance.now() - start).toBeGreaterThan(800);
    });

    it('when the answer takes its time, but comes', async () => {
      const server = await TestServer.http(async (_, response) => {
        for (let i = 0; i < 5; i++) {
          response.write('.');
          await sleep(120);
        }
        response.end();
      });
      const { body } = await create({ idleTimeout: 400 }).send({ method: 'GET', url: server.url(), headers: {} });
      expect(await text(body)).toBe('.....');
    });

    it('when the reader of the answer takes its time', async () => {
      const size = 4 * MIB;
      const server = await TestServer.http((_, response) => response.end(Buffer.alloc(size)));
      const { body } = await create({ idleTimeout: 250 }).send({ method: 'GET', url: server.url(), headers: {} });
      let received = 0;
      for await (const chunk of body as AsyncIterable<Buffer>) {
        if (received === 0) await sleep(500);
        received += chunk.length;
      }
      expect(received).toBe(size);
    });
  });
});

function resetAfter(request: IncomingMessage, response: ServerResponse): void {
  response.end('no', () => reset(request.socket));
}
