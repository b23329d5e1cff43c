import { RegistryError } from '../errors.js';
import { printable } from '../redact.js';
import { discard } from './discard.js';
import { sameOrigin } from './origin.js';
import { isTransient } from './retry-after.js';
import { TimeLimit, uncounted } from './time-limit.js';
import type { Transport, TransportRequest, TransportResponse } from './transport.js';

/** A place that may have what the registry has. */
export interface Mirror {
  /** Ends with `/`. */
  url: URL;
  /** Signs in there, and nowhere else. */
  transport: Transport;
}

/** Milliseconds a mirror may take for its head: it is there to be fast, and the registry can be asked instead. */
const PATIENCE = 5000;

/**
 * Milliseconds for which a mirror is left out that gave no answer, is overloaded, or does not let us in: a wrong password for each
 * layer of an image would lock the account.
 */
const REST = 30_000;

/**
 * Asks the mirrors of a registry, in their order, and then the registry itself. It is for reading: whatever a mirror answers
 * but success sends the request on, so what is missing or stale there costs a round trip and fails nothing.
 */
export class MirrorTransport implements Transport {
  private readonly restUntil = new Map<Mirror, number>();

  /** @param registry - ends with `/` @param log - told of each mirror that gave nothing */
  constructor(
    private readonly inner: Transport,
    private readonly registry: URL,
    private readonly mirrors: readonly Mirror[],
    private readonly log: (line: string) => void = () => undefined,
  ) {}

  async send(request: TransportRequest): Promise<TransportResponse> {
    for (const mirror of this.mirrorsFor(request)) {
      const response = await this.attempt(mirror, request);
      if (response) return response;
    }
    return this.inner.send(request);
  }

  async close(): Promise<void> {
    await this.inner.close?.();
  }

  private mirrorsFor({ method, url }: TransportRequest): readonly Mirror[] {
    const isRead = method === 'GET' || method === 'HEAD';
    if (!isRead || !sameOrigin(url, this.registry) || !isContent(this.pathOf(url))) return [];
    return this.mirrors.filter((mirror) => performance.now() >= (this.restUntil.get(mirror) ?? 0));
  }

  /** Undefined when the mirror has nothing to give. @throws the signal's reason */
  private async attempt(mirror: Mirror, request: TransportRequest): Promise<TransportResponse | undefined> {
    const url = new URL(`${this.pathOf(request.url)}${request.url.search}`, mirror.url);
    try {
      const response = await inTime(mirror.transport, { ...request, url });
      if (response.status < 300) return response;
      discard(response);
      this.log(`mirror ${mirror.url.host} answered ${response.status}`);
      if (needsRest(response.status)) this.rest(mirror);
    } catch (error) {
      request.signal?.throwIfAborted();
      // A wrong setting is told, also that of a mirror.
      if (!(error instanceof RegistryError)) throw error;
      this.log(`mirror ${mirror.url.host} failed: ${printable(error.message, 300)}`);
      this.rest(mirror);
    }
    return undefined;
  }

  private rest(mirror: Mirror): void {
    this.restUntil.set(mirror, performance.now() + REST);
  }

  /** Without the prefix of the registry. */
  private pathOf({ pathname }: URL): string {
    const prefix = this.registry.pathname;
    return pathname.startsWith(prefix) ? pathname.slice(prefix.length) : pathname;
  }
}

/** Manifests and blobs. What a cache lists may be a part only, which nobody could tell from the whole. */
function isContent(path: string): boolean {
  return /^v2\/.+\/(manifests\/|blobs\/(?!uploads\/))[^/]+$/.test(path);
}

function needsRest(status: number): boolean {
  return status === 401 || status === 403 || isTransient(status);
}

/** Only the head has to come soon; the body is given up with the request. To wait for a turn at our own pace is no part of it. */
async function inTime(transport: Transport, request: TransportRequest): Promise<TransportResponse> {
  const { signal } = request;
  const limit = new TimeLimit(PATIENCE, signal);
  try {
    const response = await uncounted(signal, () => transport.send({ ...request, signal: limit.signal }));
    limit.stop();
    response.body.once('close', () => limit.end());
    return response;
  } catch (error) {
    limit.end();
    if (!limit.isOver) throw error;
    throw new RegistryError(`it gave no answer within ${PATIENCE / 1000} s`, { code: 'ETIMEDOUT' });
  }
}
