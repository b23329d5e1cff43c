import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import axios, { type AxiosInstance, type AxiosResponse } from 'axios';
import { VERSION } from '../version.js';
import { IdleTimer } from './idle-timer.js';
import { networkError, timeoutError } from './network-error.js';
import { RequestBodyPump } from './request-body-pump.js';
import type { Transport, TransportRequest, TransportResponse } from './transport.js';

export interface AxiosTransportOptions {
  /** Accept any TLS certificate. Default `false`. */
  insecure?: boolean;
  /** Milliseconds without a byte moving, in either direction, before a transfer is given up. Default 60 000. */
  idleTimeout?: number;
  /** Milliseconds to wait for the answer after the last byte of a body: registries hash and store then. Default 300 000. */
  responseTimeout?: number;
  /** Connections kept per host and in all. Default 30 and 100. */
  maxSockets?: number;
  maxTotalSockets?: number;
}

/** An answer to an unfinished upload is read up to here, and no longer than this, before the connection is given up. */
const EARLY_ANSWER = { bytes: 64 * 1024, ms: 2000 };

/**
 * The bottom transport: axios on Node's http. Redirects are off, or follow-redirects keeps every upload in memory; there
 * is no total timeout, or it would end healthy uploads; bodies are neither decoded nor limited here.
 */
export class AxiosTransport implements Transport {
  private readonly http: AxiosInstance;
  private readonly agents: readonly [HttpAgent, HttpsAgent];
  private readonly idleTimeout: number;
  private readonly responseTimeout: number;

  constructor(options: AxiosTransportOptions = {}) {
    const { maxSockets = 30, maxTotalSockets = 100, insecure = false } = options;
    const pool = { keepAlive: true, maxSockets, maxTotalSockets };
    this.agents = [new HttpAgent(pool), new HttpsAgent({ ...pool, rejectUnauthorized: !insecure })];
    this.idleTimeout = options.idleTimeout ?? 60_000;
    this.responseTimeout = options.responseTimeout ?? 300_000;
    this.http = axios.create({
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
    const exchange = new AbortController();
    const cancel = (): void => exchange.abort(request.signal?.reason);
    request.signal?.addEventListener('abort', cancel, { once: true });
    const idle = new IdleTimer((ms) => exchange.abort(timeoutError(request, ms, 'sending or waiting')));
    const body = await this.openBody(request, idle);
    try {
      idle.start(body ? this.idleTimeout : this.responseTimeout);
      const answer = await this.exchange(request, body, exchange.signal);
      return await this.toResponse(request, answer, body, idle);
    } catch (error) {
      throw this.explain(request, error, body, exchange.signal);
    } finally {
      idle.stop();
      request.signal?.removeEventListener('abort', cancel);
      if (!body?.isComplete) await body?.stop();
    }
  }

  close(): Promise<void> {
    for (const agent of this.agents) agent.destroy();
    return Promise.resolve();
  }

  private async openBody(request: TransportRequest, idle: IdleTimer): Promise<RequestBodyPump | undefined> {
    if (!request.body) return undefined;
    const source = await request.body.open();
    return new RequestBodyPump(source, request.body.size, (isComplete) => {
      if (isComplete) idle.start(this.responseTimeout);
      else idle.touch();
    });
  }

  private exchange(
    request: TransportRequest,
    body: RequestBodyPump | undefined,
    signal: AbortSignal,
  ): Promise<AxiosResponse<IncomingMessage>> {
    return this.http.request<IncomingMessage>({
      method: request.method,
      url: request.url.href,
      headers: requestHeaders(request),
      data: body,
      signal,
    });
  }

  private async toResponse(
    request: TransportRequest,
    answer: AxiosResponse<IncomingMessage>,
    body: RequestBodyPump | undefined,
    idle: IdleTimer,
  ): Promise<TransportResponse> {
    const connection = answer.request as ClientRequest;
    const headers = responseHeaders(answer.data);
    const { status } = answer;
    const url = request.url;
    if (!body || body.isComplete) return { status, url, headers, body: this.watched(request, answer.data, connection) };
    if (status < 300) {
      // Some registries answer before they have read everything; the rest still has to go out.
      await body.finished();
      if (body.failure) throw body.failure;
      return { status, url, headers, body: this.watched(request, answer.data, connection) };
    }
    idle.stop();
    const text = await readEarly(answer.data);
    // Without this the socket stays occupied by a body nobody reads.
    connection.destroy();
    return { status, url, headers, body: Readable.from([text], { objectMode: false }) };
  }

  /** The body, given up when the server goes silent in it; a consumer that pauses is not a silent server. */
  private watched(request: TransportRequest, answer: IncomingMessage, connection: ClientRequest): Readable {
    const ms = this.idleTimeout;
    const idle = new IdleTimer(() => answer.destroy(timeoutError(request, ms, 'receiving')));
    const { signal } = request;
    const cancel = (): void => void answer.destroy(signal?.reason as Error);
    async function* chunks(): AsyncGenerator<Buffer> {
      try {
        idle.start(ms);
        for await (const chunk of answer as AsyncIterable<Buffer>) {
          idle.stop();
          yield chunk;
          idle.start(ms);
        }
      } catch (error) {
        signal?.throwIfAborted();
        throw networkError(request, error);
      } finally {
        idle.stop();
      }
    }
    const body = Readable.from(chunks(), { objectMode: false });
    signal?.addEventListener('abort', cancel, { once: true });
    body.once('close', () => {
      signal?.removeEventListener('abort', cancel);
      if (!answer.readableEnded) connection.destroy();
    });
    return body;
  }

  /** Which of several failures to report: the caller's abort, the content's own, ours, and only then the socket's. */
  private explain(
    request: TransportRequest,
    error: unknown,
    body: RequestBodyPump | undefined,
    signal: AbortSignal,
  ): unknown {
    if (request.signal?.aborted) return request.signal.reason;
    if (body?.failure) return body.failure;
    if (signal.aborted) return signal.reason;
    return networkError(request, error);
  }
}

/** What axios would add by itself is either wrong for a registry or tells too much. */
function requestHeaders({ method, headers, body }: TransportRequest): Record<string, string | false> {
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

function responseHeaders(answer: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return headers;
}

async function readEarly(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const timer = setTimeout(() => answer.destroy(), EARLY_ANSWER.ms);
  try {
    let length = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= EARLY_ANSWER.bytes) break;
    }
  } catch {
    // What arrived before the connection broke is all there is.
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks);
}
