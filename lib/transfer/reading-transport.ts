import { Readable } from 'node:stream';
import { AuthenticationError, RegistryClientError } from '../errors.js';
import { discard } from '../transport/discard.js';
import type { Transport, TransportRequest, TransportResponse } from '../transport/transport.js';

/**
 * Lets only questions through, with tokens that allow no more, and counts them: whatever stands above it changes nothing.
 *
 * Some registries refuse to whom they would let push a repository that is not there yet, because to read is all they were asked
 * for (Docker Hub answers 401). Where the registry lets us in otherwise, such a repository counts as empty.
 */
export class ReadingTransport implements Transport {
  /** Requests so far. */
  count = 0;
  /** Repositories that were refused. */
  readonly refused = new Set<string>();
  private ping: Promise<boolean> | undefined;

  /** @param base - of the registry, ends with `/` */
  constructor(
    private readonly inner: Transport,
    private readonly base: URL,
  ) {}

  async send(request: TransportRequest): Promise<TransportResponse> {
    if (!isReading(request)) throw notReading(request);
    this.count += 1;
    const scopes = request.scopes?.map(forReading) ?? [];
    const answer = await this.attempt({ ...request, scopes });
    const isStranger = answer instanceof AuthenticationError || answer.status === 401;
    if (isStranger && scopes.length > 0 && (await this.isLetIn())) {
      for (const scope of scopes) this.refused.add(scope.replace(/^repository:|:[^:]*$/g, ''));
      if (!(answer instanceof Error)) discard(answer);
      return { status: 404, url: request.url, headers: {}, body: Readable.from([]) };
    }
    if (answer instanceof Error) throw answer;
    return answer;
  }

  private async attempt(request: TransportRequest): Promise<TransportResponse | AuthenticationError> {
    try {
      return await this.inner.send(request);
    } catch (error) {
      if (error instanceof AuthenticationError) return error;
      throw error;
    }
  }

  private isLetIn(): Promise<boolean> {
    const request = { method: 'GET', url: new URL('v2/', this.base), headers: {} };
    this.ping ??= this.inner.send(request).then(
      (answer) => {
        discard(answer);
        return answer.status === 200;
      },
      () => false,
    );
    return this.ping;
  }
}

/** `repository:team/app:pull,push` becomes `repository:team/app:pull`. */
function forReading(scope: string): string {
  return scope.replace(/^(repository:.*):[^:]*$/, '$1:pull');
}

function isReading({ method }: TransportRequest): boolean {
  return method === 'GET' || method === 'HEAD';
}

function notReading({ method, url }: TransportRequest): RegistryClientError {
  return new RegistryClientError(`a plan sends no ${method} ${url.pathname}: it changes nothing`, {
    code: 'READ_ONLY',
  });
}
