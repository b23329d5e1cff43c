import { inject, injectable } from 'inversify';
import { RegistryError, UnsupportedError } from '../errors.js';
import { isJsonObject } from '../oci/descriptor.js';
import { assertRepository, isTag } from '../oci/reference.js';
import type { ResolvedOptions } from '../options.js';
import { TOKENS } from '../tokens.js';
import { sameOrigin } from '../transport/origin.js';
import type { Transport, TransportResponse } from '../transport/transport.js';
import type { Endpoint } from './endpoints.js';
import { nextLink } from './link.js';
import { discard, notARegistry, readJson } from './response.js';
import { Requests } from './requests.js';

export interface ListOptions {
  signal?: AbortSignal;
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
  async ping(options: { signal?: AbortSignal } = {}): Promise<void> {
    const doing = 'checking the registry';
    const endpoint = this.requests.endpoints.ping();
    const response = await this.requests.metadata({ ...endpoint, method: 'GET', expected: [200], doing, ...options });
    const isPage = /html/.test(response.headers['content-type'] ?? '');
    discard(response);
    if (isPage && !response.headers['docker-distribution-api-version']) throw notARegistry(response, doing);
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
      throw asUnsupported(error);
    }
  }

  /** Every tag of a repository, page by page, in the order the registry sends. @throws NotFoundError when there is no such repository. */
  async *listTags(repository: string, options: ListOptions = {}): AsyncGenerator<string> {
    const first = this.requests.endpoints.tags(assertRepository(repository), pageQuery(options));
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
      const call = { ...first, url: next, method: 'GET', expected: [200], doing, signal };
      const response: TransportResponse = await this.requests.metadata({
        ...call,
        headers: { accept: 'application/json' },
      });
      const page = await readJson(response, MAX_PAGE, doing);
      if (!isJsonObject(page)) throw notARegistry(response, doing);
      if (Array.isArray(page[field])) yield* page[field].filter((name): name is string => typeof name === 'string');
      next = nextPage(response, next, doing);
    }
  }
}

/** Links are followed on the registry's own origin only, or any registry could have us ask any host. */
function nextPage(response: TransportResponse, current: URL, doing: string): URL | undefined {
  const link = nextLink(response.headers.link);
  if (link === undefined || !URL.canParse(link, current.href)) return undefined;
  const url = new URL(link, current);
  if (sameOrigin(url, current)) return url;
  throw new RegistryError(`${doing}: the next page is said to be at ${url.host}, which is another host`, {
    code: 'LINK_REFUSED',
    status: response.status,
  });
}

function pageQuery({ pageSize }: ListOptions): Record<string, string> {
  return pageSize === undefined ? {} : { n: String(pageSize) };
}

function endless(doing: string, pages: number): RegistryError {
  return new RegistryError(`${doing}: the registry repeats itself after ${pages} pages`, { code: 'ENDLESS_LIST' });
}

/** Every way in which registries say that there is no catalog; a network error is none of them. */
function asUnsupported(error: unknown): unknown {
  const statuses = [400, 401, 403, 404, 405];
  if (!(error instanceof RegistryError) || error.status === undefined || !statuses.includes(error.status)) return error;
  const { code, status, method, url, errors } = error;
  return new UnsupportedError(`this registry does not list its repositories: ${error.message}`, {
    ...{ code, status, method, url, errors, cause: error },
    hint: 'Name the repository and list its tags instead.',
  });
}
