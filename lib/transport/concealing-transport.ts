import type { Readable } from 'node:stream';
import { derivedStream } from '../oci/tap-stream.js';
import { readUpTo } from './response-body.js';
import type { Transport, TransportRequest, TransportResponse } from './transport.js';

/** Error texts are read up to here by those who show them. */
const MAX_ERROR = 64 * 1024;

/** Shorter ones would turn up in every other word. */
const SHORTEST = 4;

/** Takes the credentials of a request out of the error that answers it: some servers and proxies repeat what they refuse. */
export class ConcealingTransport implements Transport {
  constructor(private readonly inner: Transport) {}

  async send(request: TransportRequest): Promise<TransportResponse> {
    const response = await this.inner.send(request);
    const secrets = response.status < 400 ? [] : secretsIn(request.headers.authorization);
    if (secrets.length === 0) return response;
    const body = derivedStream(response.body, concealed(response.body, secrets));
    // Whoever reads is told; an error that nobody wants to read must not end the process.
    return { ...response, body: body.on('error', () => undefined) };
  }

  async close(): Promise<void> {
    await this.inner.close?.();
  }
}

/** As one piece, or a secret could stand across two. */
async function* concealed(body: Readable, secrets: readonly string[]): AsyncGenerator<Buffer> {
  const chunks: Buffer[] = [];
  const failure = await readUpTo(body, MAX_ERROR, chunks).then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  const text = secrets.reduce(
    (shown, secret) => shown.replaceAll(secret, 'REDACTED'),
    Buffer.concat(chunks).toString(),
  );
  if (text !== '') yield Buffer.from(text);
  if (failure) throw failure.error;
}

/** What follows the scheme, for Basic also what it stands for (RFC 7617), each as it is and as JSON and URLs write it. */
function secretsIn(authorization = ''): string[] {
  const sent = authorization.slice(authorization.indexOf(' ') + 1);
  const pair = /^basic /i.test(authorization) ? Buffer.from(sent, 'base64').toString() : '';
  const secrets = [sent, pair.slice(pair.indexOf(':') + 1)].filter(({ length }) => length >= SHORTEST);
  return secrets.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]);
}
