import { RegistryError } from '../errors.js';
import type { ResolvedOptions } from '../options.js';
import { redactUrl } from '../redact.js';
import { discard } from '../transport/discard.js';
import { TimeLimit } from '../transport/time-limit.js';
import type { RequestBody, Transport, TransportRequest, TransportResponse } from '../transport/transport.js';
import { MAX_TIMER, wholeNumber } from '../whole-number.js';
import { Endpoints, type Endpoint } from './endpoints.js';
import { expectStatus, type Head, readBody } from './response.js';

/** What every call takes. */
export interface CallOptions {
  /** Ends the call: it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Milliseconds for each metadata request of the call; transfers have no limit. Default: the client's own. */
  timeout?: number | undefined;
}

/** One step of an operation: what is sent, and which answers mean success. */
export interface Call extends Endpoint, CallOptions {
  method: string;
  headers?: Readonly<Record<string, string>>;
  body?: RequestBody;
  repeatable?: boolean;
  wholeUpTo?: number;
  lingers?: boolean;
  expected: readonly number[];
  /** What is being done and to what, for messages. */
  doing: string;
}

/** Sends the steps of the services: metadata within a time limit, transfers without one. */
export class Requests {
  readonly endpoints: Endpoints;
  private readonly timeout: number;

  constructor(
    private readonly transport: Transport,
    options: Pick<ResolvedOptions, 'url' | 'timeout'>,
  ) {
    this.endpoints = new Endpoints(options.url);
    this.timeout = options.timeout;
  }

  /** For large bodies either way: only silence ends it. @throws RegistryError unless the status is an expected one. */
  async transfer(call: Call): Promise<TransportResponse> {
    const { expected, doing, timeout: _, ...request } = call;
    const sent: TransportRequest = { headers: {}, ...request };
    return expectStatus(sent, await this.transport.send(sent), expected, doing);
  }

  /** For answers of which only the head counts. @throws RegistryError unless an expected status comes in time. */
  metadata(call: Call): Promise<Head> {
    return this.inTime(call, async (timed) => {
      const response = await this.transfer(timed);
      discard(response);
      return response;
    });
  }

  /** A whole answer. @throws RegistryError unless an expected status comes, and no more than `limit` bytes, in time. */
  read(call: Call, limit: number): Promise<Head & { bytes: Buffer }> {
    return this.inTime(call, async (timed) => {
      const response = await this.transfer({ ...timed, wholeUpTo: limit });
      return { ...response, bytes: await readBody(response, limit, call.doing) };
    });
  }

  /** Work that must be done within the time of a metadata call. @throws RegistryError with code `ETIMEDOUT` */
  async inTime<T>(call: Call, work: (call: Call) => Promise<T>): Promise<T> {
    const timeout = wholeNumber('timeout', call.timeout ?? this.timeout, 1, MAX_TIMER);
    const limit = new TimeLimit(timeout, call.signal);
    try {
      return await work({ ...call, signal: limit.signal });
    } catch (error) {
      call.signal?.throwIfAborted();
      throw limit.isOver ? tooSlow(call, timeout) : error;
    } finally {
      limit.end();
    }
  }
}

function tooSlow({ method, url, doing }: Call, timeout: number): RegistryError {
  const shown = redactUrl(url);
  return new RegistryError(`${doing}: ${method} ${shown} took longer than ${timeout / 1000} s`, {
    code: 'ETIMEDOUT',
    retryable: true,
    method,
    url: shown,
    hint: 'Is the registry reachable? A longer timeout can be set with the option timeout or REGISTRY_TIMEOUT.',
  });
}
