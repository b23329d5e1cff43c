import { once } from 'node:events';
import { Agent, type IncomingMessage, request as send } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Transport, TransportRequest, TransportResponse } from '../../lib/transport/transport.js';

/** The plainest transport over sockets: what the in-process one must not differ from. */
export class HttpTransport implements Transport {
  private readonly agent = new Agent({ keepAlive: true });

  async send({ method, url, headers, body, signal }: TransportRequest): Promise<TransportResponse> {
    const length = body?.size === undefined ? {} : { 'content-length': body.size };
    const outgoing = send(url, {
      method,
      agent: this.agent,
      headers: { ...headers, ...length },
      ...(signal && { signal }),
    });
    const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
    if (body === undefined) outgoing.end();
    // An answer may come before the body is sent; then the rest of it does not matter.
    else pipeline(await body.open(), outgoing).catch(() => {});
    const [response] = await answered;
    const single = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
    const shown = Object.fromEntries(single) as Record<string, string>;
    return { status: response.statusCode ?? 0, url, headers: shown, body: response };
  }

  close(): Promise<void> {
    this.agent.destroy();
    return Promise.resolve();
  }
}
