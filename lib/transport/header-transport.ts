import type { Transport, TransportRequest, TransportResponse } from './transport.js';

type Fields = Readonly<Record<string, string>>;

/** Adds the headers that a server wants from everybody; what a request says itself counts more. */
export class HeaderTransport implements Transport {
  /** By origin. Nothing of it shows where it is printed: there are secrets in it. */
  readonly #known = new Map<string, Fields | undefined>();

  /** @param headersFor - asked once for each origin: lower-case names; undefined for servers that are told nothing */
  constructor(
    private readonly inner: Transport,
    private readonly headersFor: (url: URL) => Fields | undefined,
  ) {}

  send(request: TransportRequest): Promise<TransportResponse> {
    const headers = this.headersOf(request.url);
    return this.inner.send(headers ? { ...request, headers: { ...headers, ...request.headers } } : request);
  }

  async close(): Promise<void> {
    await this.inner.close?.();
  }

  private headersOf(url: URL): Fields | undefined {
    const { origin } = url;
    if (!this.#known.has(origin)) this.#known.set(origin, this.headersFor(url));
    return this.#known.get(origin);
  }
}
