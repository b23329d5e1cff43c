import type { Readable } from 'node:stream';
import { DigestMismatchError, RateLimitError, RegistryError } from '../errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import { algorithmOf, Digester } from '../oci/digest.js';
import { derivedStream } from '../oci/tap-stream.js';
import { printable } from '../redact.js';
import { discard } from '../transport/discard.js';
import { sameOrigin } from '../transport/origin.js';
import { sleep } from '../transport/time-limit.js';
import type { TransportResponse } from '../transport/transport.js';
import type { Requests } from './requests.js';

/** Broken connections in a row, without much between them, after which a download is given up. */
const MAX_FAILURES = 5;
/** Answers in all: a registry may give one byte in each of them. */
const MAX_ANSWERS = 1000;
/** Refusals in a row by a storage that a registry redirects to. */
const MAX_REFUSALS = 2;

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
  private refusals = 0;
  private answers = 0;
  /** Until it turns out otherwise; then the blob comes from its start again, and what is there of it is dropped. */
  private takesRanges = true;
  /** Of the latest answer, when it has one. */
  private encoding: string | undefined;
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
        // The rest would come packed as well.
        if (this.encoding !== undefined || ++this.failures > MAX_FAILURES) throw this.incomplete();
      } catch (error) {
        this.signal?.throwIfAborted();
        // What breaks behind the last byte takes nothing away.
        if (this.received === this.blob.size) return;
        // Also when nobody was there to ask for the rest: a registry that was started anew takes its time.
        if (!isPassing(error) || ++this.failures > MAX_FAILURES) throw error;
      }
      if (this.answers >= MAX_ANSWERS) throw this.incomplete();
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
      this.refusals = 0;
      if (this.progress >= Math.min(MUCH, this.blob.size / 100)) this.failures = 0;
      yield fresh;
    }
  }

  private async resume(): Promise<TransportResponse> {
    await this.pause(this.failures);
    return this.request();
  }

  private pause(failures: number): Promise<void> {
    return sleep(Math.random() * Math.min(100 * 2 ** failures, 2000), this.signal);
  }

  private async request(): Promise<TransportResponse> {
    const isRanged = this.takesRanges && this.received > 0;
    const response = await this.ask(isRanged);
    this.encoding = encodingOf(response);
    if (response.status === 200 || (isRanged && this.continues(response))) return this.checked(response);
    if (!isRanged) throw this.wrongRange(response);
    discard(response);
    this.takesRanges = false;
    return this.request();
  }

  /** Again at the registry when the storage it leads to says no: signed addresses expire, also those that a cache gives out. */
  private async ask(isRanged: boolean): Promise<TransportResponse> {
    const endpoint = this.requests.endpoints.blob(this.repository, this.blob.digest);
    const headers = isRanged ? { range: `bytes=${this.received}-` } : {};
    const expected = isRanged ? [200, 206, 416] : [200, 206];
    const call = { ...endpoint, method: 'GET', headers, signal: this.signal, expected, doing: this.doing };
    for (;;) {
      try {
        this.answers++;
        return await this.requests.transfer(call);
      } catch (error) {
        if (!isElsewhere(error, endpoint.url) || ++this.refusals > MAX_REFUSALS) throw error;
        await this.pause(this.refusals);
      }
    }
  }

  /** Only bytes that follow the ones we have are of use; fewer than asked for are allowed (RFC 9110 §15.3.7). */
  private continues({ status, headers }: TransportResponse): boolean {
    const [, from, to, size] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(headers['content-range'] ?? '') ?? [];
    const isOfBlob = size === '*' || Number(size) === this.blob.size;
    return status === 206 && isOfBlob && Number(from) === this.received && Number(to) < this.blob.size;
  }

  private wrongRange(response: TransportResponse): RegistryError {
    response.body.destroy();
    const range = printable(response.headers['content-range'] ?? '', 100);
    return new RegistryError(`${this.doing}: asked for all bytes, but got the range "${range}"`, {
      code: 'RANGE_INVALID',
      status: response.status,
    });
  }

  private checked(response: TransportResponse): TransportResponse {
    const wrong = response.status === 200 ? this.wrongLength(response) : undefined;
    if (wrong === undefined) return response;
    response.body.destroy();
    throw wrong;
  }

  private wrongLength({ headers }: TransportResponse): Error | undefined {
    const length = headers['content-length'];
    if (length === undefined || this.encoding !== undefined || Number(length) === this.blob.size) return undefined;
    return this.mismatch(`${this.blob.size} bytes`, `${printable(length, 30)} bytes`);
  }

  private incomplete(): DigestMismatchError {
    const actual = `only ${this.received} bytes, however often it was asked for the rest`;
    return this.mismatch(`${this.blob.size} bytes`, actual);
  }

  private mismatch(expected: string, actual: string): DigestMismatchError {
    const hint =
      this.encoding && `It came as ${printable(this.encoding, 50)}, which was not asked for: is there a proxy?`;
    return new DigestMismatchError(`${this.doing}: expected ${expected}, but got ${actual}`, {
      expected,
      actual,
      hint,
    });
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof RegistryError && error.retryable && !(error instanceof RateLimitError);
}

function isElsewhere(error: unknown, registry: URL): boolean {
  if (!(error instanceof RegistryError) || error.url === undefined) return false;
  const isRefusal = error.status !== undefined && error.status >= 400 && error.status < 500 && error.status !== 429;
  return isRefusal && !sameOrigin(new URL(error.url), registry);
}

function encodingOf({ headers }: TransportResponse): string | undefined {
  const encoding = headers['content-encoding']?.trim().toLowerCase();
  return encoding === '' || encoding === 'identity' ? undefined : encoding;
}
