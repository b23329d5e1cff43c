import { Pace } from './pace.js';
import { uncounted } from './time-limit.js';
import type { Transport, TransportRequest, TransportResponse } from './transport.js';

/** Sends no host more requests in a second than it is to get. To wait for that is no part of a request's own time. */
export class PacedTransport implements Transport {
  private readonly paces = new Map<string, Pace | undefined>();

  /** @param perSecond - undefined for a host without a limit */
  constructor(
    private readonly inner: Transport,
    private readonly perSecond: (url: URL) => number | undefined,
  ) {}

  async send(request: TransportRequest): Promise<TransportResponse> {
    const { url, signal } = request;
    const pace = this.paceOf(url);
    if (pace) await uncounted(signal, () => pace.turn(signal));
    return this.inner.send(request);
  }

  async close(): Promise<void> {
    await this.inner.close?.();
  }

  private paceOf(url: URL): Pace | undefined {
    if (!this.paces.has(url.host)) {
      const limit = this.perSecond(url);
      this.paces.set(url.host, limit === undefined ? undefined : new Pace(limit));
    }
    return this.paces.get(url.host);
  }
}
