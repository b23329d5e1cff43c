import { Readable } from 'node:stream';
import type { Transport, TransportRequest, TransportResponse } from '../../lib/transport/transport.js';

/** What a handler answers; everything has a default: 200, no headers, no body, the URL of the request. */
export interface FakeReply {
  status?: number;
  /** Lower-case names. */
  headers?: Record<string, string>;
  body?: string | Buffer | Readable;
  url?: URL;
}

export type FakeHandler = (request: TransportRequest, body: Buffer) => FakeReply | Promise<FakeReply>;

/** A request as it arrived. */
export interface FakeRequest extends TransportRequest {
  /** The bytes of the body; empty when there is none. */
  content: Buffer;
}

/**
 * A Transport in memory that answers by function and keeps a log. Bodies are opened and read to their end before the handler
 * is asked; an aborted signal rejects with its reason, before and while the handler works; what the handler throws rejects.
 */
export class FakeTransport implements Transport {
  /** In the order they arrived, the failed ones too. */
  readonly requests: FakeRequest[] = [];
  /** Bytes of all request bodies. */
  bytesReceived = 0;
  isClosed = false;
  private readonly responses: Readable[] = [];

  constructor(private readonly handler: FakeHandler) {}

  /** `GET https://host/path` of every request, for assertions on order. */
  get calls(): string[] {
    return this.requests.map(({ method, url }) => `${method} ${url.href}`);
  }

  /** Response bodies neither read to their end nor destroyed; 0 when nothing leaks. */
  get openBodies(): number {
    return this.responses.filter((body) => !body.readableEnded && !body.destroyed).length;
  }

  async send(request: TransportRequest): Promise<TransportResponse> {
    request.signal?.throwIfAborted();
    const content = await readAll(request);
    this.bytesReceived += content.length;
    this.requests.push({ ...request, content });
    const reply = await abortable(Promise.resolve(this.handler(request, content)), request.signal);
    return this.toResponse(request, reply);
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }

  private toResponse(request: TransportRequest, reply: FakeReply): TransportResponse {
    const { status = 200, headers = {}, body = '', url = request.url } = reply;
    const stream = body instanceof Readable ? body : Readable.from(Buffer.from(body), { objectMode: false });
    this.responses.push(stream);
    return { status, headers, url, body: stream };
  }
}

async function readAll({ body }: TransportRequest): Promise<Buffer> {
  const chunks: Buffer[] = [];
  if (body) for await (const chunk of await body.open()) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks);
}

function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal?.reason as Error);
    signal?.addEventListener('abort', stop, { once: true });
    void work.then(resolve, reject).finally(() => signal?.removeEventListener('abort', stop));
  });
}
