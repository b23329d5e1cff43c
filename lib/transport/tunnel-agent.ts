import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https, { Agent as HttpsAgent, type AgentOptions, type RequestOptions } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { VERSION } from '../version.js';
import { familyOf, unbracketed } from './origin.js';
import { nameFor, proxyAuthorization } from './proxy.js';
import { ProxyError } from './proxy-error.js';

type Created = (error: Error | null, socket: Duplex) => void;

/** Milliseconds for a proxy to reach the server. */
const PATIENCE = 30_000;

/**
 * Keeps TLS connections that go through a proxy (RFC 9110 §9.3.6, CONNECT). What the proxy answers is never taken for an answer
 * of the server: whoever sits on the way could ask for a password in its name.
 */
export class TunnelAgent extends HttpsAgent {
  private readonly opening = new Set<ClientRequest>();

  /** @param way - TLS to the proxy itself, where its address says https */
  constructor(
    options: AgentOptions,
    private readonly proxy: URL,
    private readonly way: AgentOptions,
  ) {
    super(options);
  }

  override createConnection(options: RequestOptions, callback?: Created): undefined {
    this.open(options).then(
      // As if the connection were direct from here on: Node keeps it, and the TLS sessions of its host.
      (socket) => callback?.(null, super.createConnection({ ...options, socket } as RequestOptions) as Duplex),
      (error: Error) => callback?.(error, undefined as unknown as Duplex),
    );
  }

  override destroy(): void {
    for (const request of this.opening) request.destroy();
    super.destroy();
  }

  private open({ host, port }: RequestOptions): Promise<Socket> {
    const target = `${familyOf(host ?? '') === 'ipv6' ? `[${host}]` : host}:${port}`;
    return new Promise((resolve, reject) => {
      const request = this.ask(target);
      this.opening.add(request);
      request.once('close', () => this.opening.delete(request));
      request.once('error', (error) => reject(ProxyError.unreachable(this.proxy, error)));
      request.setTimeout(PATIENCE, () => request.destroy(new Error(`it was silent for ${PATIENCE / 1000} s`)));
      request.once('connect', ({ statusCode = 0 }: IncomingMessage, socket: Socket, head: Buffer) => {
        socket.setTimeout(0);
        if (statusCode >= 200 && statusCode < 300 && head.length === 0) return resolve(socket);
        socket.destroy();
        reject(ProxyError.refused(this.proxy, target, statusCode));
      });
      request.end();
    });
  }

  private ask(target: string): ClientRequest {
    const { protocol, port } = this.proxy;
    const headers = {
      host: target,
      'user-agent': `registry-api-v2-client/${VERSION}`,
      ...proxyAuthorization(this.proxy),
    };
    const to = { method: 'CONNECT', path: target, host: unbracketed(this.proxy.hostname), port, headers };
    if (protocol !== 'https:') return http.request({ ...to, port: port || 80, agent: false });
    return https.request({ ...to, port: port || 443, ...nameFor(this.proxy), agent: new HttpsAgent(this.way) });
  }
}
