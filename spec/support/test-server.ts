import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttp, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer as createTcp, type Server as TcpServer, type Socket } from 'node:net';

export type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;

/** Every server of a spec, so that none outlives it: call `stopServers` in `afterEach`. */
const running = new Set<TestServer>();

export async function stopServers(): Promise<void> {
  await Promise.all([...running].map((server) => server.stop()));
}

/** A server on a free loopback port that does what the spec says, and counts. */
export class TestServer {
  /** In the order they were opened, the closed ones too. */
  readonly sockets: Socket[] = [];
  /** `GET /path` of every request. */
  readonly requests: string[] = [];

  private constructor(
    private readonly server: Server | TcpServer,
    private readonly scheme: string,
  ) {
    running.add(this);
  }

  static http(handler: Handler): Promise<TestServer> {
    return TestServer.listen(createHttp(), 'http', handler);
  }

  /** With a certificate of its own making for localhost and 127.0.0.1. */
  static https(handler: Handler): Promise<TestServer> {
    const read = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url));
    return TestServer.listen(createHttps({ key: read('key'), cert: read('certificate') }), 'https', handler);
  }

  /** Every byte is up to the spec. */
  static async tcp(onConnection: (socket: Socket) => unknown): Promise<TestServer> {
    const server = createTcp((socket) => {
      socket.on('error', () => undefined);
      onConnection(socket);
    });
    return TestServer.start(server, 'http');
  }

  private static async listen(server: Server, scheme: string, handler: Handler): Promise<TestServer> {
    const started = await TestServer.start(server, scheme);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      started.requests.push(`${request.method} ${request.url}`);
      request.on('error', () => undefined);
      handler(request, response);
    });
    return started;
  }

  private static async start(server: Server | TcpServer, scheme: string): Promise<TestServer> {
    const started = new TestServer(server, scheme);
    server.on('connection', (socket: Socket) => started.sockets.push(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return started;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get openSockets(): number {
    return this.sockets.filter((socket) => !socket.destroyed).length;
  }

  url(path = '/'): URL {
    return new URL(path, `${this.scheme}://127.0.0.1:${this.port}`);
  }

  async stop(): Promise<void> {
    if (!running.delete(this)) return;
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}

/** Ends a connection with RST, after the callback that reads from it: a second one in between would end the process (libuv). */
export function reset(socket: Socket): void {
  setImmediate(() => socket.destroyed || socket.resetAndDestroy());
}

/** Waits until `condition` holds. */
export async function until(condition: () => boolean, what: string, ms = 3000): Promise<void> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited ${ms} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
