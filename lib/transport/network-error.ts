import { RegistryError } from '../errors.js';
import { printable, redactUrl } from '../redact.js';
import type { TransportRequest } from './transport.js';

/** What to try, by the code Node gives. */
const HINTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Is the registry running, and is the port right?',
  ENOTFOUND: 'Is the host name right?',
  EAI_AGAIN: 'The name could not be looked up now: check the network and try again.',
  ETIMEDOUT: 'Is the registry reachable from here, through this network and its proxies?',
  EPROTO: 'The server does not speak TLS on this port: use http:// or --plain-http if it is meant to be plain.',
  ERR_SSL_WRONG_VERSION_NUMBER: 'The server does not speak TLS on this port: use http:// or --plain-http.',
  HPE_INVALID_CONSTANT: 'The server does not speak HTTP on this port: check the port, or use https://.',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'Its certificate is self-signed: set NODE_EXTRA_CA_CERTS, or use --insecure for a test.',
  SELF_SIGNED_CERT_IN_CHAIN: 'Its authority is unknown here: set NODE_EXTRA_CA_CERTS, or use --insecure for a test.',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'Its authority is unknown here: set NODE_EXTRA_CA_CERTS.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'Its certificate is for another host name.',
};

/** Trying again will meet the same configuration. */
const PERMANENT = /CERT|TLS|SSL|EPROTO|ENOTFOUND|HPE_|ERR_INVALID|UNABLE_TO_VERIFY/;

/** No answer came: the connection failed, or broke before or inside the answer. */
export function networkError(request: TransportRequest, cause: unknown): RegistryError {
  const { code, message } = rootOf(cause);
  const url = redactUrl(request.url);
  return new RegistryError(`${request.method} ${url} got no answer: ${printable(message || code, 300)}`, {
    code,
    retryable: !PERMANENT.test(code),
    method: request.method,
    url,
    cause: withoutRequest(cause),
    hint: HINTS[code],
  });
}

/** The server, or something before it, went silent. @param ms - how long was waited */
export function timeoutError(request: TransportRequest, ms: number, doing: string): RegistryError {
  const url = redactUrl(request.url);
  return new RegistryError(`${request.method} ${url} got no answer: nothing moved for ${ms / 1000} s while ${doing}`, {
    code: 'ETIMEDOUT',
    retryable: true,
    method: request.method,
    url,
    hint: HINTS.ETIMEDOUT,
  });
}

/** HTTP clients keep headers, credentials with them, on their errors; only the system error below is kept. */
function withoutRequest(cause: unknown): unknown {
  const { code, message, cause: inner } = cause as { code?: string; message?: string; cause?: unknown };
  if (inner instanceof Error) return withoutRequest(inner);
  return Object.assign(new Error(message), code === undefined ? {} : { code });
}

function rootOf(cause: unknown): { code: string; message: string } {
  const error = cause as { code?: string; message?: string; cause?: unknown; errors?: unknown[] };
  // With several addresses tried ("happy eyeballs") Node throws an AggregateError with an empty message.
  const inner = error.errors?.[0] ?? error.cause;
  const below = inner instanceof Error ? rootOf(inner) : undefined;
  return { code: error.code ?? below?.code ?? 'CONNECTION_FAILED', message: error.message || below?.message || '' };
}
