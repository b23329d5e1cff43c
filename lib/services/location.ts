import { RegistryError } from '../errors.js';
import { printable, redactUrl } from '../redact.js';
import { leadsInside } from '../transport/origin.js';
import type { TransportResponse } from '../transport/transport.js';

/**
 * Where an upload goes on. The address is taken as the registry wrote it, its query included: that is signed or holds the
 * session's state. Source: distribution-spec v1.1, "POST then PUT".
 * @throws RegistryError when there is none, it would leave https for http, or leads inside.
 */
export function uploadLocation(response: Omit<TransportResponse, 'body'>, doing: string): URL {
  const { location } = response.headers;
  if (!location) throw unusable(response, doing, 'without a Location');
  const url = addressIn(location, response.url);
  if (!url)
    throw unusable(
      response,
      doing,
      `with the Location "${printable(withoutQuery(location), 200)}", which is no address`,
    );
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw unusable(response, doing, `with a Location that starts with ${printable(url.protocol, 50)}`);
  }
  if (response.url.protocol === 'https:' && url.protocol === 'http:') {
    throw unusable(response, doing, `with a Location on plain http at ${url.host}`);
  }
  if (leadsInside(response.url, url)) throw unusable(response, doing, `with an internal Location at ${url.host}`);
  return url;
}

/**
 * An address a registry names, seen from where it named it; user information is dropped. A registry behind a TLS proxy that
 * does not tell it so answers with `http://` and its own host: our scheme and port are right then.
 * Source: distribution/distribution#479, #2225.
 * @returns `undefined` when it cannot be read
 */
export function addressIn(text: string, base: URL): URL | undefined {
  if (!URL.canParse(text, base.href)) return undefined;
  const url = new URL(text, base);
  url.username = '';
  url.password = '';
  if (base.protocol === 'https:' && url.protocol === 'http:' && url.hostname === base.hostname) {
    url.protocol = base.protocol;
    url.port = base.port;
  }
  return url;
}

/** The address that ends an upload: the same, with exactly one `digest`, and nothing else encoded anew. */
export function withDigest(location: URL, digest: string): URL {
  const parts = location.search === '' ? [] : location.search.slice(1).split('&');
  const kept = parts.filter((part) => !/^digest(=|$)/.test(part));
  return new URL(`?${[...kept, `digest=${encodeURIComponent(digest)}`].join('&')}`, location);
}

function unusable(response: Omit<TransportResponse, 'body'>, doing: string, what: string): RegistryError {
  const url = redactUrl(response.url);
  return new RegistryError(`${doing}: ${url} answered ${response.status} ${what}`, {
    code: 'LOCATION_INVALID',
    status: response.status,
    url,
    hint: 'Is this the address of a registry?',
  });
}

/** What is signed stands there, and in user information. */
function withoutQuery(location: string): string {
  return location.replace(/\/\/[^/?#]*@/, '//').replace(/[?;#].*$/s, (query) => `${query[0]}…`);
}
