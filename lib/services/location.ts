import { RegistryError } from '../errors.js';
import { printable, redactUrl } from '../redact.js';
import { sameOrigin } from '../transport/origin.js';
import type { TransportResponse } from '../transport/transport.js';

/**
 * Where an upload goes on. The address is taken as the registry wrote it, its query included: that is signed or holds the
 * session's state. Source: distribution-spec v1.1, "POST then PUT".
 * @throws RegistryError when there is none, or it would leave https for http.
 */
export function uploadLocation(response: TransportResponse, doing: string): URL {
  const { location } = response.headers;
  if (!location || !URL.canParse(location, response.url.href)) {
    throw unusable(
      response,
      doing,
      `without a usable Location but ${location ? `"${printable(location, 200)}"` : 'none'}`,
    );
  }
  const url = new URL(location, response.url);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw unusable(response, doing, `with a ${url.protocol} Location`);
  if (response.url.protocol !== 'https:' || url.protocol === 'https:') return url;
  return upgraded(url, response, doing);
}

/** The address that ends an upload: the same, with exactly one `digest`, and nothing else encoded anew. */
export function withDigest(location: URL, digest: string): URL {
  const kept = location.search
    .slice(1)
    .split('&')
    .filter((part) => part !== '' && !/^digest(=|$)/.test(part));
  return new URL(`?${[...kept, `digest=${encodeURIComponent(digest)}`].join('&')}`, location);
}

/**
 * A registry behind a TLS proxy that does not tell it so answers with `http://` and its own host. Our scheme and port are
 * right then; for any other host it would be a downgrade. Source: distribution/distribution#479, #2225.
 */
function upgraded(url: URL, response: TransportResponse, doing: string): URL {
  if (url.hostname !== response.url.hostname)
    throw unusable(response, doing, `with a Location on plain http at ${url.host}`);
  const kept = new URL(url);
  kept.protocol = response.url.protocol;
  kept.port = response.url.port;
  return sameOrigin(kept, response.url) ? kept : response.url;
}

function unusable(response: TransportResponse, doing: string, what: string): RegistryError {
  const url = redactUrl(response.url);
  return new RegistryError(`${doing}: ${url} answered ${response.status} ${what}`, {
    code: 'LOCATION_INVALID',
    status: response.status,
    url,
    hint: 'Is this the address of a registry?',
  });
}
