import type { Transport, TransportRequest, TransportResponse } from './transport.js';

/** Adds the headers that a server wants from everybody; what a request says itself counts more. */
export class HeaderTransport implements Transport {
  /** @param headersFor - lower-case names; undefined for servers that are told nothing */
  constructor(
    private readonly inner: Transport,
    private readonly headersFor: (url: URL) => Readonly<Record<string, string>> | undefined,
  ) {}

  send(request: TransportRequest): Promise<TransportResponse> {
    const headers = this.headersFor(request.url);
    return this.inner.send(headers ? { ...request, headers: { ...headers, ...request.headers } } : request);
  }

  async close(): Promise<void> {
    await this.inner.close?.();
  }
}
