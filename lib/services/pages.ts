import { RegistryError } from '../errors.js';
import { sameOrigin } from '../transport/origin.js';
import type { Endpoint } from './endpoints.js';
import { nextLink } from './link.js';
import { addressIn } from './location.js';
import type { CallOptions, Requests } from './requests.js';
import type { Head } from './response.js';

/** The answer to one page of a list. */
export type Page = Head & { bytes: Buffer };

export interface PagesOptions extends CallOptions {
  accept: string;
  /** What is being done and to what, for messages. */
  doing: string;
}

const MAX_PAGE = 8 * 1024 * 1024;
const MAX_PAGES = 10_000;

/**
 * The pages of a list, one after another. Source: distribution-spec v1.1, "Listing Tags".
 * @throws RegistryError also for a link to another host, and for a list that repeats itself or does not end
 */
export async function* readPages(
  requests: Requests,
  first: Endpoint,
  { accept, doing, signal, timeout }: PagesOptions,
): AsyncGenerator<Page> {
  const seen = new Set<string>();
  let next: URL | undefined = first.url;
  while (next) {
    if (seen.has(next.href) || seen.size >= MAX_PAGES) throw endless(doing, seen.size);
    seen.add(next.href);
    const call = { ...first, url: next, method: 'GET', headers: { accept }, expected: [200], doing, signal, timeout };
    const page: Page = await requests.read(call, MAX_PAGE);
    yield page;
    next = nextPage(page, next, doing);
  }
}

/** Links are followed on the registry's own origin only, or any registry could have us ask any host. */
function nextPage(page: Page, current: URL, doing: string): URL | undefined {
  const link = nextLink(page.headers.link);
  const url = link === undefined ? undefined : addressIn(link, current);
  if (!url || sameOrigin(url, current)) return url;
  throw new RegistryError(
    `${doing}: the next page is said to be at ${url.host || url.protocol}, which is another host`,
    { code: 'LINK_REFUSED', status: page.status },
  );
}

function endless(doing: string, pages: number): RegistryError {
  return new RegistryError(`${doing}: the registry repeats itself or does not end after ${pages} pages`, {
    code: 'ENDLESS_LIST',
  });
}
