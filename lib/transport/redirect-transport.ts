import { RegistryError } from '../errors.js';
import { redactUrl } from '../redact.js';
import { discard } from './discard.js';
import { leadsInside, sameOrigin } from './origin.js';
import type { Transport, TransportRequest, TransportResponse } from './transport.js';

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Storage redirects are one hop; more than a handful is a loop. */
const MAX_HOPS = 10;
const MAX_UPLOAD_HOPS = 5;
/** Never sent to another origin. Source: distribution-spec, "MUST NOT forward Authorization across host boundaries". */
const PRIVATE_HEADERS = ['authorization', 'cookie', 'proxy-authorization'];

/**
 * Follows redirects. Every hop is a request of its own through the transport below, which decides anew whether it may
 * carry credentials; bodies are opened again for 307 and 308.
 */
export class RedirectTransport implements Transport {
  /** `inner` sends each hop, and must follow no redirects itself. */
  constructor(private readonly inner: Transport) {}

  async send(request: TransportRequest): Promise<TransportResponse> {
    const most = request.body ? MAX_UPLOAD_HOPS : MAX_HOPS;
    let current = request;
    for (let hops = 0; hops <= most; hops++) {
      const response = await this.inner.send(current);
      const next = nextHop(current, response);
      if (!next) return response;
      discard(response);
      request.signal?.throwIfAborted();
      current = next;
    }
    throw refused(request, `it redirects more than ${most} times`);
  }

  async close(): Promise<void> {
    await this.inner.close?.();
  }

  /** For `await using`: as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function nextHop(request: TransportRequest, response: TransportResponse): TransportRequest | undefined {
  const { location } = response.headers;
  if (!REDIRECTS.has(response.status) || location === undefined) return undefined;
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  // A changed method would lose the body: only 307 and 308 promise to keep it (RFC 9110 §15.4).
  if (!isRead && response.status !== 307 && response.status !== 308) return undefined;
  const url = targetOf(request, location);
  if (isForm(request) && !sameOrigin(request.url, url)) {
    throw refused(request, `it redirects what holds a secret to ${url.host}`);
  }
  return { ...request, url, headers: sameOrigin(request.url, url) ? request.headers : withoutPrivate(request.headers) };
}

function targetOf(request: TransportRequest, location: string): URL {
  if (!URL.canParse(location, request.url.href)) throw refused(request, 'it redirects to an address that is none');
  const url = new URL(location, request.url);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refused(request, `it redirects to ${url.protocol}`);
  if (request.url.protocol === 'https:' && url.protocol === 'http:') {
    throw refused(request, `it redirects from https to plain http at ${url.host}`);
  }
  if (leadsInside(request.url, url)) throw refused(request, `it redirects to the internal address ${url.host}`);
  url.username = '';
  url.password = '';
  return url;
}

/** A form goes to a token server only, with a refresh token in it. Source: distribution `docs/content/spec/auth/oauth.md`. */
function isForm({ body, headers }: TransportRequest): boolean {
  return body !== undefined && headers['content-type'] === 'application/x-www-form-urlencoded';
}

function withoutPrivate(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !PRIVATE_HEADERS.includes(name.toLowerCase())));
}

function refused(request: TransportRequest, why: string): RegistryError {
  const url = redactUrl(request.url);
  return new RegistryError(`${request.method} ${url} was not followed: ${why}`, {
    code: 'REDIRECT_REFUSED',
    method: request.method,
    url,
  });
}
