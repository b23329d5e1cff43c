import { RegistryError } from '../errors.js';
import { printable, redactUrl } from '../redact.js';
import type { TransportRequest } from './transport.js';

/** What to try, by the code Node gives. */
const HINTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Is the registry running, and is the port right?',
  ENOTFOUND: 'Is the host name right?',
  EAI_AGAIN: 'The name could not be looked up now: check the network and try again.',
  ETIMEDOUT: 'Is the registry reachable from here, through this network and its proxies?',
  // ECR does that (aws/containers-roadmap#1970).
  ECONNRESET: 'The connection broke; some registries end it when the repository does not exist.',
  EPROTO: 'The server does not speak TLS on this port: use http:// or --plain-http if it is meant to be plain.',
  ERR_SSL_WRONG_VERSION_NUMBER: 'The server does not speak TLS on this port: use http:// or --plain-http.',
  HPE_INVALID_CONSTANT: 'The server does not speak HTTP on this port: check the port, or use https://.',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'Its certificate is self-signed: set NODE_EXTRA_CA_CERTS, or use --insecure for a test.',
  SELF_SIGNED_CERT_IN_CHAIN: 'Its authority is unknown here: set NODE_EXTRA_CA_CERTS, or use --insecure for a test.',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'Its authority is unknown here: set NODE_EXTRA_CA_CERTS.',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'Its authority is unknown here: set NODE_EXTRA_CA_CERTS.',
  CERT_HAS_EXPIRED: 'Its certificate has expired: the registry needs a new one.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'Its certificate is for another host name.',
};

/** Trying again will meet the same configuration. */
const PERMANENT = /CERT|TLS|SSL|EPROTO|ENOTFOUND|HPE_|ERR_INVALID|UNABLE_TO/;

/** The connection failed, or broke. @param what - became of the request */
export function networkError(request: TransportRequest, cause: unknown, what = 'got no answer'): RegistryError {
  const { code = 'CONNECTION_FAILED', message } = rootOf(cause as Failure);
  const url = redactUrl(request.url);
  return new RegistryError(`${request.method} ${url} ${what}: ${printable(message || code, 300)}`, {
    code,
    retryable: !PERMANENT.test(code),
    method: request.method,
    url,
    cause: bare(message ?? code, code),
    hint: HINTS[code],
  });
}

/** Made here, so its frames would tell nothing. */
function bare(message: string, code: string): Error {
  const stack = printable(`Error: ${message}`);
  return Object.defineProperty(Object.assign(new Error(message), { code }), 'stack', {
    value: stack,
    configurable: true,
  });
}

/** The server, or something before it, went silent. @param ms - how long was waited @param doing - and for what */
export function timeoutError(request: TransportRequest, ms: number, doing: string): RegistryError {
  const url = redactUrl(request.url);
  return new RegistryError(`${request.method} ${url} was given up: nothing moved for ${ms / 1000} s while ${doing}`, {
    code: 'ETIMEDOUT',
    retryable: true,
    method: request.method,
    url,
    hint: HINTS.ETIMEDOUT,
  });
}

interface Failure {
  code?: string;
  message?: string;
  cause?: Failure;
  /** With several addresses tried ("happy eyeballs") Node throws an AggregateError with an empty message. */
  errors?: readonly Failure[];
}

/** The error of the system, below what libraries made of it: those keep headers on theirs, and credentials with them. */
function rootOf(error: Failure): Failure {
  const inner = error.errors?.[0] ?? error.cause;
  return typeof inner === 'object' && inner !== null ? rootOf(inner) : error;
}
