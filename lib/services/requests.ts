import { RegistryError } from '../errors.js';
import type { ResolvedOptions } from '../options.js';
import { redactUrl } from '../redact.js';
import type { RequestBody, Transport, TransportRequest, TransportResponse } from '../transport/transport.js';
import { Endpoints, type Endpoint } from './endpoints.js';
import { expectStatus } from './response.js';

/** One step of an operation: what is sent, and which answers mean success. */
export interface Call extends Endpoint {
  method: string;
  headers?: Readonly<Record<string, string>>;
  body?: RequestBody;
  signal?: AbortSignal | undefined;
  repeatable?: boolean;
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
    const { expected, doing, ...request } = call;
    const sent: TransportRequest = { headers: {}, ...request };
    return expectStatus(sent, await this.transport.send(sent), expected, doing);
  }

  /** For small answers. @throws RegistryError unless an expected status comes in time. */
  async metadata(call: Call): Promise<TransportResponse> {
    const limit = AbortSignal.timeout(this.timeout);
    const signal = call.signal ? AbortSignal.any([call.signal, limit]) : limit;
    try {
      return await this.transfer({ ...call, signal });
    } catch (error) {
      call.signal?.throwIfAborted();
      throw limit.aborted ? this.tooSlow(call, error) : error;
    }
  }

  private tooSlow({ method, url, doing }: Call, cause: unknown): RegistryError {
    const shown = redactUrl(url);
    return new RegistryError(`${doing}: ${method} ${shown} took longer than ${this.timeout / 1000} s`, {
      code: 'ETIMEDOUT',
      retryable: true,
      method,
      url: shown,
      cause,
      hint: 'Is the registry reachable? A longer timeout can be set with the option timeout or REGISTRY_TIMEOUT.',
    });
  }
}
