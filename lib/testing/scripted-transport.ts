import { isMeantFor } from '../embedded/fault.js';
import { RegistryClientError } from '../errors.js';
import { streamOf } from '../oci/byte-stream.js';
import { redactUrl } from '../redact.js';
import type { Transport, TransportRequest, TransportResponse } from '../transport/transport.js';

/** What a request is answered with. */
export interface ScriptedReply {
  /** Default 200. */
  status?: number;
  /** Lower-case names. Length, and with `json` the type, are added. */
  headers?: Readonly<Record<string, string>>;
  /** Default: none. */
  body?: string | Uint8Array;
  /** Instead of `body`. */
  json?: unknown;
  /** Instead of everything else: what the request fails with, for example a `RegistryError` without a status. */
  error?: Error;
}

/** A request that is to come, and the answer to it. */
export interface ScriptedExchange {
  /** Method. Default: any. */
  on?: string;
  /** What path and query must match, or contain. Default: any. */
  path?: RegExp | string;
  /** How often it is to come; `Infinity` is for once or more, and for `inOrder: false`. Default 1. */
  times?: number;
  /** Default: 200 without a body. */
  reply?: ScriptedReply | ((call: ScriptedCall) => ScriptedReply | Promise<ScriptedReply>);
}

/** A request that came. */
export interface ScriptedCall {
  /** `GET`, `PUT` and so on. */
  method: string;
  /** With its query. */
  url: URL;
  /** Lower-case names. */
  headers: Readonly<Record<string, string>>;
  /** Empty when there was none; absent with `keepBodies: false`. */
  body?: Buffer;
  /** Bytes. */
  bodySize: number;
}

/** How a script is followed. */
export interface ScriptedTransportOptions {
  /** `false`: each request takes the first exchange that fits, wherever it stands. Default `true`. */
  inOrder?: boolean;
  /** Whether bodies of requests are kept; without, they are read and counted. Default `true`. */
  keepBodies?: boolean;
}

interface Expected {
  exchange: ScriptedExchange;
  /** How often it is still to come. */
  times: number;
  hasCome: boolean;
}

/**
 * A transport that knows what is to come and what to say. For tests of what your code sends; where that does not matter, a
 * whole registry needs no script.
 */
export class ScriptedTransport implements Transport {
  /** Every request so far, the unexpected ones too. */
  readonly calls: ScriptedCall[] = [];
  private readonly left: Expected[];
  private readonly unexpected: string[] = [];
  private readonly inOrder: boolean;
  private readonly keepBodies: boolean;

  /** `script` is what is to come, in this order unless `options.inOrder` is `false`. */
  constructor(script: readonly ScriptedExchange[], options: ScriptedTransportOptions = {}) {
    this.left = script.map((exchange) => ({ exchange, times: exchange.times ?? 1, hasCome: false }));
    this.inOrder = options.inOrder ?? true;
    this.keepBodies = options.keepBodies ?? true;
  }

  /** @throws RegistryClientError with code `UNEXPECTED_REQUEST`, saying what was expected instead */
  async send(request: TransportRequest): Promise<TransportResponse> {
    request.signal?.throwIfAborted();
    const { exchange, surprise } = this.take(request);
    const call = await this.record(request);
    if (exchange === undefined) throw new RegistryClientError(surprise, { code: 'UNEXPECTED_REQUEST' });
    const { reply = {} } = exchange;
    const answer = typeof reply === 'function' ? await reply(call) : reply;
    request.signal?.throwIfAborted();
    if (answer.error) throw answer.error;
    return toResponse(request, answer);
  }

  /** @throws Error that lists the exchanges that never came, and the requests that came unexpected */
  assertNoPending(): void {
    const pending = this.left
      .filter(({ times, hasCome }) => times !== Infinity || !hasCome)
      .map(
        ({ exchange, times }) => `${describe(exchange)}${times > 1 && times !== Infinity ? `, ${times} times` : ''}`,
      );
    const problems = [...listed('never came', pending), ...listed('came and was not expected', this.unexpected)];
    if (problems.length > 0) throw new Error(problems.join('\n'));
  }

  /** Before anything is awaited, so that requests under way at the same time do not take the same exchange. */
  private take(request: TransportRequest): { exchange?: ScriptedExchange; surprise: string } {
    const candidates = this.inOrder ? this.left.slice(0, 1) : this.left;
    const found = candidates.find(({ exchange }) =>
      isMeantFor(exchange, request.method, request.url.pathname + request.url.search),
    );
    if (found === undefined) {
      const came = `${request.method} ${redactUrl(request.url)}`;
      this.unexpected.push(came);
      return { surprise: `${came} came, but ${this.expected()}` };
    }
    found.times -= 1;
    found.hasCome = true;
    if (found.times <= 0) this.left.splice(this.left.indexOf(found), 1);
    return { exchange: found.exchange, surprise: '' };
  }

  private expected(): string {
    const texts = this.left.map(({ exchange }) => describe(exchange));
    if (texts.length === 0) return 'nothing more was expected';
    return this.inOrder ? `${texts[0]} was expected next` : `expected is one of: ${texts.join('; ')}`;
  }

  private async record({ method, url, headers, body }: TransportRequest): Promise<ScriptedCall> {
    const call: ScriptedCall = { method, url, headers, bodySize: 0 };
    this.calls.push(call);
    const chunks: Buffer[] = [];
    for await (const chunk of (await body?.open()) ?? []) {
      const bytes = Buffer.from(chunk as Uint8Array);
      call.bodySize += bytes.length;
      if (this.keepBodies) chunks.push(bytes);
    }
    return this.keepBodies ? Object.assign(call, { body: Buffer.concat(chunks) }) : call;
  }
}

function describe({ on = 'any method', path = 'any path' }: ScriptedExchange): string {
  return `${on} ${String(path)}`;
}

function listed(what: string, texts: readonly string[]): string[] {
  return texts.map((text) => `${text} ${what}`);
}

function toResponse(
  request: TransportRequest,
  { status = 200, headers, body, json }: ScriptedReply,
): TransportResponse {
  const bytes = Buffer.from(json === undefined ? (body ?? '') : JSON.stringify(json));
  const type = json === undefined ? {} : { 'content-type': 'application/json' };
  return {
    status,
    url: request.url,
    headers: { ...type, 'content-length': String(bytes.length), ...headers },
    body: streamOf(bytes),
  };
}
