import { Readable } from 'node:stream';
import { RegistryError } from '../errors.js';
import { redactUrl } from '../redact.js';
import { LINGER, type Transport, type TransportRequest, type TransportResponse } from '../transport/transport.js';
import type { RegistryHandler, RegistryRequest } from './message.js';
import { EmbeddedRegistry } from './registry.js';

/**
 * A registry in this process: what a client sends through it behaves as over the wire, without sockets. The host of a
 * request does not matter. Closing does nothing, so that what was pushed is there for the next client.
 */
export class EmbeddedTransport implements Transport {
  /** Default: a fresh registry that keeps its content in memory. */
  constructor(
    /** What answers. */
    readonly handler: RegistryHandler = new EmbeddedRegistry(),
  ) {}

  async send(request: TransportRequest): Promise<TransportResponse> {
    const { signal } = request;
    signal?.throwIfAborted();
    const source = (await request.body?.open()) ?? Readable.from([]);
    const body = Readable.from(sized(source, request), { objectMode: false });
    // An error that comes when nobody reads any more must not end the process.
    for (const stream of [source, body]) stream.on('error', () => {});
    try {
      return await untilAborted(request, this.answer(request, body));
    } catch (error) {
      // A content that fails by itself explains more than the request that broke with it.
      throw signal?.aborted ? error : (source.errored ?? error);
    } finally {
      // What the registry left unread is dropped, as by a server that has answered already.
      body.destroy();
      source.destroy();
    }
  }

  private async answer(request: TransportRequest, body: Readable): Promise<TransportResponse> {
    const { status, headers, body: content } = await this.handler.handle(toRegistryRequest(request, body));
    const stream = (await content?.open()) ?? Readable.from([]);
    if (request.signal) failOnAbort(stream, request.signal);
    return { status, url: request.url, headers, body: stream };
  }
}

function toRegistryRequest(request: TransportRequest, body: Readable): RegistryRequest {
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  if (request.body?.size !== undefined) headers['content-length'] = String(request.body.size);
  return { method: request.method.toUpperCase(), target: request.url.pathname + request.url.search, headers, body };
}

/** The body as a server would get it: never more than its announced size, and never complete with less. */
async function* sized(source: Readable, request: TransportRequest): AsyncGenerator<Buffer> {
  const size = request.body?.size ?? Infinity;
  let sent = 0;
  for await (const chunk of source as AsyncIterable<Uint8Array | string>) {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk);
    const fitting = bytes.subarray(0, size - sent);
    sent += fitting.length;
    yield fitting;
    if (fitting.length < bytes.length) throw wrongSize(request, `has more than the ${size} bytes announced`);
  }
  if (size !== Infinity && sent < size) throw wrongSize(request, `ended after ${sent} of ${size} bytes`);
}

async function untilAborted<T>({ signal, lingers }: TransportRequest, work: Promise<T>): Promise<T> {
  if (!signal) return work;
  let abort = (): void => {};
  let timer: NodeJS.Timeout | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    const leave = (): void => reject(signal.reason as Error);
    abort = () => (lingers ? (timer = setTimeout(leave, LINGER)) : leave());
    if (signal.aborted) leave();
    signal.addEventListener('abort', abort);
  });
  return Promise.race([work, aborted]).finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  });
}

function failOnAbort(stream: Readable, signal: AbortSignal): void {
  const abort = (): void => void stream.destroy(signal.reason as Error);
  stream.on('error', () => {});
  stream.once('close', () => signal.removeEventListener('abort', abort));
  signal.addEventListener('abort', abort);
}

function wrongSize(request: TransportRequest, problem: string): RegistryError {
  const { method } = request;
  const url = redactUrl(request.url);
  return new RegistryError(`${method} ${url} failed: its body ${problem}`, { code: 'BODY_SIZE_MISMATCH', method, url });
}
