import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https, { type RequestOptions } from 'node:https';
import axios, { type AxiosInstance } from 'axios';
import { VERSION } from '../version.js';
import { Agents, type ConnectionSettings } from './agents.js';
import { Connections } from './connections.js';
import { Exchange, type Perform } from './exchange.js';
import { unbracketed } from './origin.js';
import { nameFor, proxyAuthorization, proxyFromEnvironment } from './proxy.js';
import { ProxyError } from './proxy-error.js';
import type { Patience } from './request-body-pump.js';
import { wideReads } from './wide-reads.js';
import type { Transport, TransportRequest, TransportResponse } from './transport.js';

/** How connections are made, and how long they are waited for. */
export interface AxiosTransportOptions {
  /** Accept any TLS certificate. Default `false`. */
  insecure?: boolean;
  /**
   * How a server is reached, asked once for each. Default: `insecure`, and the proxies of `HTTP_PROXY`, `HTTPS_PROXY` and
   * `NO_PROXY`, but never for loopback hosts, as Go's clients have it.
   */
  settingsOf?: (url: URL) => ConnectionSettings;
  /** Milliseconds without a byte moving, in either direction, before a transfer is given up. Default 60 000. */
  idleTimeout?: number;
  /** Milliseconds to wait for the answer to a request that changes something, after its last byte: registries hash and store then. Default 300 000. */
  responseTimeout?: number;
  /** Connections to one host. Default 30. */
  maxSockets?: number;
  /** Connections in all. Default 100. */
  maxTotalSockets?: number;
}

/**
 * The bottom transport: axios on Node's http. Redirects are off, or follow-redirects keeps every upload in memory; there
 * is no total timeout, or it would end healthy uploads; bodies are neither decoded nor limited here. Proxies are none of its
 * business: each request that it opened would open a connection of its own.
 */
export class AxiosTransport implements Transport {
  private readonly axios: AxiosInstance;
  /** Nothing of it shows where a client is printed: there are passwords of proxies in it. */
  readonly #agents: Agents;
  private readonly patience: Patience;
  private readonly connections: Connections;

  /** No connection is made yet. */
  constructor(options: AxiosTransportOptions = {}) {
    const { maxSockets = 30, maxTotalSockets = 100, insecure = false } = options;
    const usual = (url: URL): ConnectionSettings => ({ insecure, proxy: proxyFromEnvironment(url, process.env) });
    const pool = { keepAlive: true, maxSockets, maxTotalSockets, onread: wideReads };
    this.#agents = new Agents(pool, options.settingsOf ?? usual);
    this.patience = { idle: options.idleTimeout ?? 60_000, answer: options.responseTimeout ?? 300_000 };
    this.connections = new Connections(maxSockets);
    this.axios = axios.create({
      adapter: 'http',
      proxy: false,
      maxRedirects: 0,
      responseType: 'stream',
      decompress: false,
      validateStatus: () => true,
      transformRequest: [(data: unknown) => data],
    });
  }

  async send(request: TransportRequest): Promise<TransportResponse> {
    request.signal?.throwIfAborted();
    // Settings that cannot be used are no failure of the network, and nothing is opened for them.
    this.#agents.route(request.url);
    const exchange = this.exchange(request);
    try {
      return await exchange.run();
    } catch (error) {
      if (!exchange.isStale) throw error;
      return this.exchange(request).run();
    }
  }

  private exchange(request: TransportRequest): Exchange {
    return new Exchange(request, this.perform, this.patience, this.connections);
  }

  close(): Promise<void> {
    this.#agents.destroy();
    return Promise.resolve();
  }

  /** For `await using`: as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private readonly perform: Perform = async (request, body, signal, onRequest) => {
    const { url } = request;
    const { agent, forwarding } = this.#agents.route(url);
    const asking = this.axios.request<IncomingMessage>({
      method: request.method,
      url: url.href,
      headers: headersFor(request),
      data: body,
      signal,
      httpAgent: agent,
      httpsAgent: agent,
      transport: requesting(url, forwarding, onRequest),
    });
    const answer = await (forwarding ? asking.catch((error: Error) => blame(forwarding, error)) : asking);
    if (forwarding && answer.status === 407) {
      answer.data.destroy();
      throw ProxyError.refused(forwarding, url.host, answer.status);
    }
    return Object.assign(answer.data, { req: answer.request as ClientRequest });
  };
}

/** No connection was made, and it was to be one to the proxy. */
const UNREACHABLE = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT)$/;

function blame(proxy: URL, error: Error & { code?: string }): never {
  throw UNREACHABLE.test(error.code ?? '') ? ProxyError.unreachable(proxy, error) : error;
}

type Send = (options: RequestOptions, onAnswer: (answer: IncomingMessage) => void) => ClientRequest;

/** Node's own way to send, which axios takes by itself too; but it shows nobody its requests. */
function requesting(url: URL, proxy: URL | undefined, onRequest: (sent: ClientRequest) => void): { request: Send } {
  const request: Send = (options, onAnswer) => {
    const way = proxy ? forwarded(options, url, proxy) : options;
    const sent = (way.protocol === 'https:' ? https : http).request(way, onAnswer);
    onRequest(sent);
    return sent;
  };
  return { request };
}

/** To a proxy, which is told the whole address. Source: RFC 9112 §3.2.2. */
function forwarded(options: RequestOptions, url: URL, proxy: URL): RequestOptions {
  return {
    ...options,
    protocol: proxy.protocol,
    hostname: unbracketed(proxy.hostname),
    ...nameFor(proxy),
    port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
    path: `${url.origin}${options.path}`,
    headers: { ...(options.headers as Record<string, string>), host: url.host, ...proxyAuthorization(proxy) },
  };
}

/** What axios would add by itself is either wrong for a registry or tells too much. */
function headersFor({ method, headers, body }: TransportRequest): Record<string, string | false> {
  const isUpload = method === 'POST' || method === 'PUT' || method === 'PATCH';
  const length = body ? body.size : isUpload ? 0 : undefined;
  return {
    accept: '*/*',
    'accept-encoding': 'identity',
    'user-agent': `registry-api-v2-client/${VERSION}`,
    'content-type': false,
    ...headers,
    ...(length === undefined ? {} : { 'content-length': String(length) }),
  };
}
