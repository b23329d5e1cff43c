import { EmbeddedTransport } from '../../lib/embedded/embedded-transport.js';
import type { Transport, TransportRequest, TransportResponse } from '../../lib/transport/transport.js';

/** Runs before a request is sent; what it throws, the request fails with. */
export type Before = (request: TransportRequest, line: string) => void | Promise<void>;

/** A registry in memory that writes down what it is sent. */
export class RecordingTransport implements Transport {
  /** `METHOD path status`, in the order of the answers; `failed` or `aborted` in place of a status. */
  readonly log: string[] = [];
  /** Requests with a body under way at once, at most. */
  mostBodies = 0;
  before: Before = () => undefined;
  private bodies = 0;

  constructor(private readonly registry = new EmbeddedTransport()) {}

  async send(request: TransportRequest): Promise<TransportResponse> {
    const line = `${request.method} ${request.url.pathname}${request.url.search}`;
    if (request.body) this.mostBodies = Math.max(this.mostBodies, (this.bodies += 1));
    try {
      await this.before(request, line);
      const response = await this.registry.send(request);
      this.log.push(`${line} ${response.status}`);
      return response;
    } catch (error) {
      this.log.push(`${line} ${request.signal?.aborted ? 'aborted' : 'failed'}`);
      throw error;
    } finally {
      if (request.body) this.bodies -= 1;
    }
  }

  /** The requests that match, without their answers' statuses and what changes from run to run. */
  requests(pattern: RegExp): string[] {
    return this.log.filter((line) => pattern.test(line)).map((line) => line.replace(/\/uploads\/[^ ?]+/, '/uploads/…'));
  }

  /** Indexes into the log. */
  places(pattern: RegExp): number[] {
    return this.log.flatMap((line, i) => (pattern.test(line) ? i : []));
  }
}
