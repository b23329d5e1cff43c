import { printable, redactUrl } from '../redact.js';
import type { Transport, TransportRequest, TransportResponse } from './transport.js';

/** Says each request and its outcome in one line: method, address without secrets, status, milliseconds. No headers, no bodies. */
export class LoggingTransport implements Transport {
  /**
   * Says what `inner` does.
   * @param log - takes each line, without its end
   */
  constructor(
    private readonly inner: Transport,
    private readonly log: (line: string) => void,
  ) {}

  async send(request: TransportRequest): Promise<TransportResponse> {
    const start = performance.now();
    const what = `${request.method} ${redactUrl(request.url)}`;
    const took = (): string => `${Math.round(performance.now() - start)} ms`;
    try {
      const response = await this.inner.send(request);
      this.log(`${what} ${response.status} ${took()}`);
      return response;
    } catch (error) {
      this.log(`${what} failed ${took()}: ${printable(error instanceof Error ? error.message : String(error))}`);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.inner.close?.();
  }

  /** For `await using`: as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
