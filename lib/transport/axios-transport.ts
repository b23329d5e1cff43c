import http, { Agent as HttpAgent, type ClientRequest, type IncomingMessage } from 'node:http';
import https, { Agent as HttpsAgent, type RequestOptions } from 'node:https';
import axios, { type AxiosInstance } from 'axios';
import { VERSION } from '../version.js';
import { Connections } from './connections.js';
import { Exchange, type Perform } from './exchange.js';
import { isLoopback } from './origin.js';
import type { Patience } from './request-body-pump.js';
import { wideReads } from './wide-reads.js';
import type { Transport, TransportRequest, TransportResponse } from './transport.js';

/** How connections are made, and how long they are waited for. */
export interface AxiosTransportOptions {
  /** Accept any TLS certificate. Default `false`. */
  insecure?: boolean;
  /** Milliseconds without a byte moving, in either direction, before a transfer is given up. Default 60 000. */
  idleTimeout?: number;
  /** Milliseconds to wait for the answer to a request that changes something, after its last byte: registries hash and store then. Default 300 000. */
  responseTimeout?: number;
  /** Connections per host and in all. Default 30 and 100. */
  maxSockets?: number;
  maxTotalSockets?: number;
}

/**
 * The bottom transport: axios on Node's http. Redirects are off, or follow-redirects keeps every upload in memory; there
 * is no total timeout, or it would end healthy uploads; bodies are neither decoded nor limited here.
 *
 * The proxies of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` are used, but never for loopback hosts, as Go's clients have it.
 */
export class AxiosTransport implements Transport {
  private readonly axios: AxiosInstance;
  private readonly agents: readonly [HttpAgent, HttpsAgent];
  private readonly patience: Patience;
  private readonly connections = new Connections();

  constructor(options: AxiosTransportOptions = {}) {
    const { maxSockets = 30, maxTotalSockets = 100, insecure = false } = options;
    const pool = { keepAlive: true, maxSockets, maxTotalSockets, onread: wideReads };
    this.agents = [new HttpAgent(pool), new HttpsAgent({ ...pool, rejectUnauthorized: !insecure })];
    this.patience = { idle: options.idleTimeout ?? 60_000, answer: options.responseTimeout ?? 300_000 };
    this.axios = axios.create({
      adapter: 'http',
      httpAgent: this.agents[0],
      httpsAgent: this.agents[1],
      maxRedirects: 0,
      responseType: 'stream',
      decompress: false,
      validateStatus: () => true,
      transformRequest: [(data: unknown) => data],
    });
  }

  async send(request: TransportRequest): Promise<TransportResponse> {
    request.signal?.throwIfAborted();
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
    for (const agent of this.agents) agent.destroy();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private readonly perform: Perform = async (request, body, signal, onRequest) => {
    const answer = await this.axios.request<IncomingMessage>({
      method: request.method,
      url: request.url.href,
      headers: headersFor(request),
      data: body,
      signal,
      transport: requesting(onRequest),
      ...(isLoopback(request.url.hostname) ? { proxy: false } : {}),
    });
    return Object.assign(answer.data, { req: answer.request as ClientRequest });
  };
}

type Send = (options: RequestOptions, onAnswer: (answer: IncomingMessage) => void) => ClientRequest;

/** Node's own way to send, which axios takes by itself too; but it shows nobody its requests. */
function requesting(onRequest: (sent: ClientRequest) => void): { request: Send } {
  const request: Send = (options, onAnswer) => {
    const sent = (options.protocol === 'https:' ? https : http).request(options, onAnswer);
    onRequest(sent);
    return sent;
  };
  return { request };
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
