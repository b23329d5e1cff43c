import { inject, injectable } from 'inversify';
import { InvalidArgumentError, RegistryError, UnsupportedError } from '../errors.js';
import { isJsonObject } from '../oci/descriptor.js';
import { isTag } from '../oci/reference.js';
import type { ResolvedOptions } from '../options.js';
import { TOKENS } from '../tokens.js';
import { sameOrigin } from '../transport/origin.js';
import type { Transport } from '../transport/transport.js';
import type { Endpoint } from './endpoints.js';
import { nextLink } from './link.js';
import { addressIn } from './location.js';
import { Requests } from './requests.js';
import { type Head, notARegistry } from './response.js';

export interface ListOptions {
  signal?: AbortSignal | undefined;
  /** Names per page; the registry may send fewer. Default: what the registry sends by itself. */
  pageSize?: number;
}

const MAX_PAGE = 8 * 1024 * 1024;
const MAX_PAGES = 10_000;

/** What a registry holds: whether it is there at all, its repositories, their tags. */
@injectable()
export class RepositoryService {
  private readonly requests: Requests;

  constructor(
    @inject(TOKENS.Transport) transport: Transport,
    @inject(TOKENS.Options) options: Pick<ResolvedOptions, 'url' | 'timeout'>,
  ) {
    this.requests = new Requests(transport, options);
  }

  /**
   * Asks whether this is a registry we may use. Source: distribution-spec v1.1, "Determining Support".
   * @throws AuthenticationError, or RegistryError when there is no registry or no answer.
   */
  async ping(options: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    const doing = 'checking the registry';
    const endpoint = this.requests.endpoints.ping();
    const call = { ...endpoint, method: 'GET', expected: [200, 404], doing, ...options };
    const answer = await this.requests.metadata(call);
    // Quay says "true" as text/html, but says what it is.
    const isPage = /html/.test(answer.headers['content-type'] ?? '');
    const isMute = isPage && !answer.headers['docker-distribution-api-version'];
    if (answer.status === 404 || isMute) throw notARegistry(answer, doing);
  }

  /**
   * Every repository of the registry, page by page. Registries shared by many users do not offer this.
   * @throws UnsupportedError when the registry has no catalog for us.
   */
  async *listRepositories(options: ListOptions = {}): AsyncGenerator<string> {
    const doing = 'listing the repositories';
    const first = this.requests.endpoints.catalog(pageQuery(options));
    try {
      yield* this.pages(first, 'repositories', doing, options);
    } catch (error) {
      throw (await this.isRefusal(error, options.signal)) ? unsupported(error as RegistryError) : error;
    }
  }

  /** Every tag of a repository, page by page, in the order the registry sends. @throws NotFoundError when there is no such repository. */
  async *listTags(repository: string, options: ListOptions = {}): AsyncGenerator<string> {
    const first = this.requests.endpoints.tags(repository, pageQuery(options));
    for await (const tag of this.pages(first, 'tags', `listing the tags of ${repository}`, options)) {
      // Artifactory lists digests among the tags, Nexus null.
      if (isTag(tag)) yield tag;
    }
  }

  private async *pages(first: Endpoint, field: string, doing: string, { signal }: ListOptions): AsyncGenerator<string> {
    const seen = new Set<string>();
    let next: URL | undefined = first.url;
    while (next) {
      if (seen.has(next.href) || seen.size >= MAX_PAGES) throw endless(doing, seen.size);
      seen.add(next.href);
      const call = { ...first, url: next, method: 'GET', headers: { accept: 'application/json' }, expected: [200] };
      const answer: Head & { bytes: Buffer } = await this.requests.read({ ...call, doing, signal }, MAX_PAGE);
      yield* namesIn(answer, field, doing);
      next = nextPage(answer, next, doing);
    }
  }

  /**
   * Every way in which registries say that there is no catalog for us; a network error is none of them. With a wrong
   * password everything is refused, so 401 counts only where the registry lets us in otherwise.
   */
  private async isRefusal(error: unknown, signal: AbortSignal | undefined): Promise<boolean> {
    if (!(error instanceof RegistryError)) return false;
    if (error.status !== 401) return [403, 404, 405].includes(error.status ?? 0);
    return this.ping({ signal }).then(
      () => true,
      () => false,
    );
  }
}

function namesIn(answer: Head & { bytes: Buffer }, field: string, doing: string): string[] {
  const page = parseJson(answer.bytes);
  if (!isJsonObject(page)) throw notARegistry(answer, doing);
  const names = page[field];
  // distribution sends null for none; Nexus puts null among the names.
  return Array.isArray(names) ? names.filter((name): name is string => typeof name === 'string') : [];
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Links are followed on the registry's own origin only, or any registry could have us ask any host. */
function nextPage(answer: Head, current: URL, doing: string): URL | undefined {
  const link = nextLink(answer.headers.link);
  const url = link === undefined ? undefined : addressIn(link, current);
  if (!url || sameOrigin(url, current)) return url;
  throw new RegistryError(
    `${doing}: the next page is said to be at ${url.host || url.protocol}, which is another host`,
    {
      code: 'LINK_REFUSED',
      status: answer.status,
    },
  );
}

function pageQuery({ pageSize }: ListOptions): Record<string, string> {
  if (pageSize === undefined) return {};
  if (Number.isSafeInteger(pageSize) && pageSize > 0) return { n: String(pageSize) };
  throw new InvalidArgumentError(`the option pageSize is ${pageSize}`, { hint: 'It takes a whole number from 1.' });
}

function endless(doing: string, pages: number): RegistryError {
  return new RegistryError(`${doing}: the registry repeats itself or does not end after ${pages} pages`, {
    code: 'ENDLESS_LIST',
  });
}

function unsupported(error: RegistryError): UnsupportedError {
  const { code, status, method, url, errors } = error;
  const what = 'listing the repositories: this registry does not offer that';
  return new UnsupportedError(`${what}, ${method} ${url} answered ${status}`, {
    ...{ code, status, method, url, errors, cause: error },
    hint: 'Name the repository and list its tags instead.',
  });
}
