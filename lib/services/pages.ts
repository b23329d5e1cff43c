import { RegistryError } from '../errors.js';
import { digestOf } from '../oci/digest.js';
import { printable, redactText } from '../redact.js';
import { sameOrigin } from '../transport/origin.js';
import type { Endpoint } from './endpoints.js';
import { hidesNextLink, nextLink } from './link.js';
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
/** Of all pages together: ten million names. */
const MAX_LIST = 256 * 1024 * 1024;
/** Equal pages in a row, under addresses that differ; a few without a name in them are nothing unusual. */
const MAX_REPEATED = 100;

/**
 * The pages of a list, one after another. Source: distribution-spec v1.1, "Listing Tags".
 * @throws RegistryError also for a link to another host, and for a list that repeats itself or does not end
 */
export async function* readPages(
  requests: Requests,
  first: Endpoint,
  { accept, doing, signal, timeout }: PagesOptions,
): AsyncGenerator<Page> {
  const bounds = new ListBounds(doing);
  let next: URL | undefined = first.url;
  while (next) {
    bounds.ask(next);
    const call = { ...first, url: next, method: 'GET', headers: { accept }, expected: [200], doing, signal, timeout };
    const page: Page = await requests.read(call, MAX_PAGE);
    bounds.receive(page.bytes);
    yield page;
    next = nextPage(page, next, doing);
  }
}

/**
 * Links are followed on the registry's own origin only, or any registry could have us ask any host. One that cannot be read is an
 * error: a list that is cut off looks like a whole one.
 */
function nextPage(page: Page, current: URL, doing: string): URL | undefined {
  const { link } = page.headers;
  const next = nextLink(link);
  if (next === undefined && !hidesNextLink(link)) return undefined;
  const url = next === undefined ? undefined : addressIn(next, current);
  if (!url)
    throw refused(
      page,
      `${doing}: there are more pages, but their Link is none: ${printable(redactText(link ?? ''), 200)}`,
    );
  if (sameOrigin(url, current)) return url;
  const where = url.host || url.protocol;
  throw refused(page, `${doing}: the next page is said to be at ${where}, which is another host`);
}

function refused({ status }: Page, message: string): RegistryError {
  return new RegistryError(message, { code: 'LINK_REFUSED', status });
}

/** Where a list ends that has no end of its own. */
class ListBounds {
  private readonly asked = new Set<string>();
  private bytes = 0;
  private last: Buffer | undefined;
  private repeated = 0;

  constructor(private readonly doing: string) {}

  /** @throws RegistryError */
  ask({ href }: URL): void {
    // An address may be as long as a header.
    const name = digestOf(Buffer.from(href));
    if (this.asked.has(name) || this.asked.size >= MAX_PAGES) throw this.endless();
    this.asked.add(name);
  }

  /** @throws RegistryError */
  receive(page: Buffer): void {
    this.bytes += page.length;
    this.repeated = this.last?.equals(page) ? this.repeated + 1 : 0;
    this.last = page;
    if (this.bytes > MAX_LIST || this.repeated >= MAX_REPEATED) throw this.endless();
  }

  private endless(): RegistryError {
    const pages = this.asked.size;
    return new RegistryError(`${this.doing}: the registry repeats itself or does not end after ${pages} pages`, {
      code: 'ENDLESS_LIST',
    });
  }
}
