import { inject, injectable } from 'inversify';
import { InvalidArgumentError, RegistryError, UnsupportedError } from '../errors.js';
import { isJsonObject } from '../oci/descriptor.js';
import { isRepository, isTag } from '../oci/reference.js';
import type { ResolvedOptions } from '../options.js';
import { TOKENS } from '../tokens.js';
import type { Transport } from '../transport/transport.js';
import type { Endpoint } from './endpoints.js';
import { type Page, readPages } from './pages.js';
import { type CallOptions, Requests } from './requests.js';
import { notARegistry, parseJson } from './response.js';

/** How a list is fetched. */
export interface ListOptions extends CallOptions {
  /** Names per page; the registry may send fewer. Default: what the registry sends by itself. */
  pageSize?: number;
}

/** What a registry holds: whether it is there at all, its repositories, their tags. */
@injectable()
export class RepositoryService {
  private readonly requests: Requests;

  /** A client makes one by itself: {@link RegistryClient}. `transport` is to follow redirects, sign requests and try again. */
  constructor(
    @inject(TOKENS.Transport) transport: Transport,
    @inject(TOKENS.Options) options: Pick<ResolvedOptions, 'url' | 'timeout'>,
  ) {
    this.requests = new Requests(transport, options);
  }

  /**
   * Asks whether this is a registry we may use. Source: distribution-spec v1.1,
   * [Determining Support](https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#determining-support).
   * @throws AuthenticationError, or RegistryError when there is no registry or no answer.
   */
  async ping({ signal, timeout }: CallOptions = {}): Promise<void> {
    const doing = 'checking the registry';
    const endpoint = this.requests.endpoints.ping();
    const call = { ...endpoint, method: 'GET', expected: [200, 404], doing };
    const answer = await this.requests.metadata({ ...call, signal, timeout });
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
      for await (const name of this.names(first, 'repositories', doing, options)) {
        // Names become parts of addresses, and of paths.
        if (isRepository(name)) yield name;
      }
    } catch (error) {
      throw (await this.isRefusal(error, options)) ? unsupported(error as RegistryError) : error;
    }
  }

  /** Every tag of a repository, page by page, in the order the registry sends. @throws NotFoundError when there is no such repository. */
  async *listTags(repository: string, options: ListOptions = {}): AsyncGenerator<string> {
    const first = this.requests.endpoints.tags(repository, pageQuery(options));
    for await (const tag of this.names(first, 'tags', `listing the tags of ${repository}`, options)) {
      // Artifactory lists digests among the tags, Nexus null.
      if (isTag(tag)) yield tag;
    }
  }

  private async *names(first: Endpoint, field: string, doing: string, options: ListOptions): AsyncGenerator<string> {
    const { signal, timeout } = options;
    const pages = readPages(this.requests, first, { accept: 'application/json', doing, signal, timeout });
    for await (const page of pages) yield* namesIn(page, field, doing);
  }

  /**
   * Every way in which registries say that there is no catalog for us; a network error is none of them. With a wrong
   * password everything is refused, so 401 counts only where the registry lets us in otherwise.
   */
  private async isRefusal(error: unknown, options: CallOptions): Promise<boolean> {
    if (!(error instanceof RegistryError)) return false;
    if (error.status !== 401) return [403, 404, 405].includes(error.status ?? 0);
    return this.ping(options).then(
      () => true,
      () => false,
    );
  }
}

function namesIn(page: Page, field: string, doing: string): string[] {
  const json = parseJson(page.bytes);
  if (!isJsonObject(json)) throw notARegistry(page, doing);
  const names = json[field];
  // distribution sends null for none; Nexus puts null among the names.
  return Array.isArray(names) ? names.filter((name): name is string => typeof name === 'string') : [];
}

function pageQuery({ pageSize }: ListOptions): Record<string, string> {
  if (pageSize === undefined) return {};
  if (Number.isSafeInteger(pageSize) && pageSize > 0) return { n: String(pageSize) };
  throw new InvalidArgumentError(`the option pageSize is ${pageSize}`, { hint: 'It takes a whole number from 1.' });
}

function unsupported(error: RegistryError): UnsupportedError {
  const { code, status, method, url, errors } = error;
  const what = 'listing the repositories: this registry does not offer that';
  return new UnsupportedError(`${what}, ${method} ${url} answered ${status}`, {
    ...{ code, status, method, url, errors, cause: error },
    hint: 'Name the repository and list its tags instead.',
  });
}
