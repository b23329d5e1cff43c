import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createServer, type Server, type TLSSocket } from 'node:tls';

/** What `make.sh` wrote; see the README beside it. */
export function tlsFile(name: string): string {
  return fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));
}

export interface TlsFrontOptions {
  /** Port on this machine of what is behind it. */
  to: number;
  /** Default `server`. */
  certificate?: 'server' | 'expired' | 'other-name';
  /** Let in only whom the private authority knows. */
  wantsClient?: boolean;
}

/** Ends TLS before a server that speaks none, as a load balancer does, with a certificate of the private authority. */
export class TlsFront {
  /** Common names of the certificates that were shown, one for each connection; '' where none was. */
  readonly clients: string[] = [];
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {}

  static async start({ to, certificate = 'server', wantsClient = false }: TlsFrontOptions): Promise<TlsFront> {
    const [key, cert] = [`${certificate}.key`, `${certificate}.pem`].map((name) => readFileSync(tlsFile(name)));
    const asking = wantsClient
      ? { requestCert: true, rejectUnauthorized: true, ca: readFileSync(tlsFile('ca.pem')) }
      : {};
    const server = createServer({ key, cert, ...asking });
    const front = new TlsFront(server);
    server.on('connection', (socket: Socket) => front.keep(socket));
    server.on('secureConnection', (socket) => front.pass(socket, to));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return front;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** How many connections were made. */
  get connections(): number {
    return this.clients.length;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private pass(socket: TLSSocket, to: number): void {
    this.clients.push(String(socket.getPeerCertificate().subject?.CN ?? ''));
    const behind = this.keep(connect(to, '127.0.0.1'));
    socket.on('error', () => behind.destroy()).on('close', () => behind.destroy());
    behind.on('close', () => socket.destroy());
    socket.pipe(behind).pipe(socket);
  }

  private keep(socket: Socket): Socket {
    this.sockets.add(socket);
    return socket.on('error', () => undefined).on('close', () => this.sockets.delete(socket));
  }
}
