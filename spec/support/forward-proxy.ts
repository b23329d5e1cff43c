import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import https from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { tlsFile } from './tls-front.js';

export interface ForwardProxyOptions {
  /** `user:password` it lets in; without it, everybody. */
  auth?: string;
  /** Answers this to everything. */
  refusal?: number;
  /** Speaks TLS itself, with a certificate of the private authority. */
  tls?: boolean;
  /** For whom that is. Default `server`. */
  certificate?: 'server' | 'other-name';
}

/** A real HTTP proxy: CONNECT for tunnels, whole addresses for the rest. Every host name leads to this machine. */
export class ForwardProxy {
  /** `CONNECT host:port`, or `GET http://host:port/path`. */
  readonly asked: string[] = [];
  /** Headers of each of them, names and values as they came. */
  readonly headers: http.IncomingHttpHeaders[] = [];
  private readonly sockets = new Set<Duplex>();

  private constructor(
    private readonly server: Server,
    private readonly options: ForwardProxyOptions,
  ) {}

  static async start(options: ForwardProxyOptions = {}): Promise<ForwardProxy> {
    const { certificate = 'server' } = options;
    const pair = (): object => ({
      key: readFileSync(tlsFile(`${certificate}.key`)),
      cert: readFileSync(tlsFile(`${certificate}.pem`)),
    });
    const server = options.tls ? https.createServer(pair()) : http.createServer();
    const proxy = new ForwardProxy(server, options);
    server.on('connection', (socket: Socket) => proxy.keep(socket));
    server.on('connect', (request: IncomingMessage, socket: Duplex) => proxy.tunnel(request, socket));
    server.on('request', (request, response) => proxy.forward(request, response));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  url(user = ''): string {
    return `${this.options.tls ? 'https' : 'http'}://${user && `${user}@`}127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private tunnel(request: IncomingMessage, socket: Duplex): void {
    this.keep(socket);
    const refusal = this.judge(request);
    if (refusal) {
      const realm = refusal === 407 ? 'Proxy-Authenticate: Basic realm="proxy"\r\n' : '';
      // As hostile as it can be: it asks for the password of the registry, too.
      socket.end(`HTTP/1.1 ${refusal} No\r\n${realm}WWW-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const behind = this.keep(connect(portOf(request.url), '127.0.0.1'));
    behind.once('connect', () => socket.write('HTTP/1.1 200 Connection established\r\n\r\n'));
    socket.on('close', () => behind.destroy());
    behind.on('close', () => socket.destroy());
    socket.pipe(behind).pipe(socket);
  }

  private forward(request: IncomingMessage, response: ServerResponse): void {
    const refusal = this.judge(request);
    if (refusal) return void response.writeHead(refusal).end();
    const { pathname, search, port } = new URL(request.url ?? '');
    const { method, headers } = request;
    const passed = http.request({ host: '127.0.0.1', port: port || 80, path: pathname + search, method, headers });
    passed.on('error', () => response.destroy());
    passed.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    request.pipe(passed);
  }

  private judge(request: IncomingMessage): number | undefined {
    this.asked.push(`${request.method} ${request.url}`);
    this.headers.push(request.headers);
    const { auth, refusal } = this.options;
    const wanted = auth && `Basic ${Buffer.from(auth).toString('base64')}`;
    return wanted && request.headers['proxy-authorization'] !== wanted ? 407 : refusal;
  }

  private keep<Kind extends Duplex>(socket: Kind): Kind {
    this.sockets.add(socket);
    return socket.on('error', () => undefined).on('close', () => this.sockets.delete(socket));
  }
}

function portOf(target = ''): number {
  return Number(target.slice(target.lastIndexOf(':') + 1));
}
