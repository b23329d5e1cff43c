import type { Readable } from 'node:stream';
import { DigestMismatchError, isUnanswered, RegistryError } from '../errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import { algorithmOf, Digester } from '../oci/digest.js';
import { derivedStream } from '../oci/tap-stream.js';
import { printable } from '../redact.js';
import { sleep } from '../transport/time-limit.js';
import type { TransportResponse } from '../transport/transport.js';
import type { Requests } from './requests.js';

/** Broken connections in a row, without much between them, after which a download is given up. */
const MAX_FAILURES = 5;

/** Bytes that are much, or a hundredth of a small blob: a byte for every connection is progress, too, and would take for ever. */
const MUCH = 64 * 1024;

/**
 * The bytes of one blob across broken connections. What has arrived is kept, and the rest asked for by `Range`, always at
 * the registry's own address: storage addresses it redirects to expire. Source: RFC 9110 §14, distribution-spec v1.1,
 * "Pulling blobs".
 */
export class BlobDownload {
  private received = 0;
  private failures = 0;
  /** Bytes that this connection has brought. */
  private progress = 0;
  private current: Readable | undefined;
  private readonly doing: string;

  constructor(
    private readonly requests: Requests,
    private readonly repository: string,
    private readonly blob: Pick<Descriptor, 'digest' | 'size'>,
    private readonly signal?: AbortSignal,
  ) {
    this.doing = `fetching ${blob.digest} from ${repository}`;
  }

  /** @throws NotFoundError, RegistryError; the stream fails with those, or a DigestMismatchError instead of ending */
  async start(): Promise<Readable> {
    const first = await this.request();
    // Destroying it must not wait for the silence of a later answer either.
    const verified = derivedStream(first.body, this.verified(this.bytes(first)), () => this.current?.destroy());
    // Whoever reads later is told then; with no listener at all the process would end.
    return verified.on('error', () => undefined);
  }

  /** Fails instead of ending when the bytes are not the blob, so that nobody takes them for complete. */
  private async *verified(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    const { digest, size } = this.blob;
    const digester = new Digester(algorithmOf(digest));
    for await (const chunk of bytes) {
      digester.update(chunk);
      if (digester.size > size) throw this.mismatch(`${size} bytes`, `more than ${size} bytes`);
      yield chunk;
    }
    const actual = digester.digest();
    if (actual !== digest) throw this.mismatch(digest, actual);
  }

  private async *bytes(first: TransportResponse): AsyncGenerator<Buffer> {
    for (let response: TransportResponse | undefined = first; ; response = undefined) {
      try {
        yield* this.receive(response ?? (await this.resume()));
        if (this.received >= this.blob.size) return;
        this.failures++;
      } catch (error) {
        this.signal?.throwIfAborted();
        // Also when nobody was there to ask for the rest: a registry that was started anew takes its time.
        if (!isUnanswered(error) || ++this.failures > MAX_FAILURES) throw error;
      }
      if (this.failures > MAX_FAILURES)
        throw this.mismatch(
          `${this.blob.size} bytes`,
          `only ${this.received} bytes, however often it was asked for the rest`,
        );
    }
  }

  private async *receive({ status, body }: TransportResponse): AsyncGenerator<Buffer> {
    // 200 to a Range request is the whole blob from its start.
    let known = status === 200 ? this.received : 0;
    this.current = body;
    this.progress = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      const fresh = chunk.subarray(Math.min(known, chunk.length));
      known -= chunk.length - fresh.length;
      if (fresh.length === 0) continue;
      this.received += fresh.length;
      this.progress += fresh.length;
      if (this.progress >= Math.min(MUCH, this.blob.size / 100)) this.failures = 0;
      yield fresh;
    }
  }

  private async resume(): Promise<TransportResponse> {
    await sleep(Math.random() * Math.min(100 * 2 ** this.failures, 2000), this.signal);
    return this.request();
  }

  private async request(): Promise<TransportResponse> {
    const from = this.received;
    const response = await this.requests.transfer({
      ...this.requests.endpoints.blob(this.repository, this.blob.digest),
      method: 'GET',
      headers: from === 0 ? {} : { range: `bytes=${from}-` },
      signal: this.signal,
      expected: from === 0 ? [200] : [200, 206],
      doing: this.doing,
    });
    const wrong = response.status === 206 ? this.wrongRange(response, from) : this.wrongLength(response);
    if (wrong === undefined) return response;
    response.body.destroy();
    throw wrong;
  }

  /** Only bytes that follow the ones we have are of use. */
  private wrongRange({ headers }: TransportResponse, from: number): Error | undefined {
    const range = headers['content-range'] ?? '';
    const { size } = this.blob;
    if (new RegExp(`^bytes ${from}-${size - 1}/(${size}|\\*)$`).test(range)) return undefined;
    return new RegistryError(`${this.doing}: asked for the bytes from ${from}, but got "${printable(range, 100)}"`, {
      code: 'RANGE_INVALID',
      status: 206,
    });
  }

  private wrongLength({ headers }: TransportResponse): Error | undefined {
    const length = headers['content-length'];
    if (length === undefined || headers['content-encoding'] !== undefined || Number(length) === this.blob.size)
      return undefined;
    return this.mismatch(`${this.blob.size} bytes`, `${printable(length, 30)} bytes`);
  }

  private mismatch(expected: string, actual: string): DigestMismatchError {
    return new DigestMismatchError(`${this.doing}: expected ${expected}, but got ${actual}`, { expected, actual });
  }
}
