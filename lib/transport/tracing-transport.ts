import { tracingChannel } from 'node:diagnostics_channel';
import { redactUrl } from '../redact.js';
import type { Transport, TransportRequest, TransportResponse } from './transport.js';

/**
 * What subscribers of `tracingChannel('registry-api-v2-client:request')` are told of one request on the wire: the same object from its
 * start to its end, with more in it each time. No headers, no bodies, no secrets.
 */
export interface RequestTrace {
  /** `GET`, `PUT` and so on. */
  readonly method: string;
  /** What could be a secret in it is replaced by `REDACTED`. */
  readonly url: string;
  /** `scheme://host[:port]`: that of the registry, or of the token server or storage it leads to. */
  readonly origin: string;
  /** Bytes of the request's body; absent when there is none, or nobody knows yet. */
  readonly requestSize?: number;
  /** From `asyncEnd` on, when an answer came. */
  status?: number;
  /** Bytes of the answer's body, as its `content-length` says; absent when that says nothing, and for HEAD. */
  responseSize?: number;
  /** From `error` and `asyncEnd` on: milliseconds until the head of the answer, or the failure. */
  duration?: number;
  /** From `error` on, when no answer came. */
  error?: unknown;
}

const requests = tracingChannel<string, RequestTrace>('registry-api-v2-client:request');

/** Tells of each request through `node:diagnostics_channel`, where somebody listens; nothing is done where nobody does. */
export class TracingTransport implements Transport {
  constructor(private readonly inner: Transport) {}

  send(request: TransportRequest): Promise<TransportResponse> {
    return requests.hasSubscribers ? this.traced(request) : this.inner.send(request);
  }

  async close(): Promise<void> {
    await this.inner.close?.();
  }

  // The answer is no result for subscribers: it has headers, and a body that whoever reads it takes away.
  private async traced(request: TransportRequest): Promise<TransportResponse> {
    const trace = traceOf(request);
    const start = performance.now();
    let response!: TransportResponse;
    await requests.tracePromise(async () => {
      try {
        response = await this.inner.send(request);
        describeAnswer(trace, response);
      } finally {
        trace.duration = performance.now() - start;
      }
    }, trace);
    return response;
  }
}

function traceOf({ method, url, body }: TransportRequest): RequestTrace {
  const requestSize = body?.size === undefined ? {} : { requestSize: body.size };
  return { method, url: redactUrl(url), origin: url.origin, ...requestSize };
}

function describeAnswer(trace: RequestTrace, { status, headers }: TransportResponse): void {
  trace.status = status;
  const size = headers['content-length'];
  if (trace.method !== 'HEAD' && size !== undefined && /^\d{1,15}$/.test(size)) trace.responseSize = Number(size);
}
