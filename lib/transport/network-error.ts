import { RegistryError } from '../errors.js';
import { printable, redactUrl } from '../redact.js';
import type { TransportRequest } from './transport.js';

const CA = 'the option tls.ca, --ca-file or a file in certs.d';
const CERT = 'the options tls.cert and tls.key, --cert-file and --key-file, or files in certs.d';

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
  DEPTH_ZERO_SELF_SIGNED_CERT: `Its certificate is self-signed: name it with ${CA}, or use --insecure for a test.`,
  SELF_SIGNED_CERT_IN_CHAIN: `Its authority is unknown here: name it with ${CA}, or use --insecure for a test.`,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `Its authority is unknown here: name it with ${CA}.`,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: `Its authority is unknown here: name it with ${CA}.`,
  CERT_HAS_EXPIRED: 'Its certificate has expired: the registry needs a new one.',
  CERT_NOT_YET_VALID: 'Its certificate is not valid yet: is the clock of this machine right?',
  ERR_TLS_CERT_ALTNAME_INVALID: 'Its certificate is for another host name.',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: `It wants a certificate of ours: give one with ${CERT}.`,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: `If it wants a certificate of ours, give one with ${CERT}.`,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: `It does not know the authority of our certificate: give another one with ${CERT}.`,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: `It does not take our certificate: give another one with ${CERT}.`,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'Our own certificate has expired.',
};

/** Trying again will meet the same configuration. */
const PERMANENT = /CERT|TLS|SSL|EPROTO|ENOTFOUND|HPE_|ERR_INVALID|UNABLE_TO|PROXY_REFUSED/;

/** `80CC:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../deps/record.c:350:`, of which people need one part. */
const OPENSSL = /[0-9A-F]{8,}:error:[0-9A-F]{8}:[^:\n]*:[^:\n]*:([^:\n]+):[^:\n]*:\d+:[^\n]*\s*/g;

/** The connection failed, or broke. @param what - became of the request */
export function networkError(request: TransportRequest, cause: unknown, what = 'got no answer'): RegistryError {
  const { code = 'CONNECTION_FAILED', message: said, hint } = rootOf(cause as Failure);
  const message = said?.replace(OPENSSL, '$1');
  const url = redactUrl(request.url);
  return new RegistryError(`${request.method} ${url} ${what}: ${printable(message || code, 300)}`, {
    code,
    retryable: !PERMANENT.test(code),
    method: request.method,
    url,
    cause: bare(message ?? code, code),
    // OpenSSL 3.2 has other names for the alerts that TLS took over from SSL 3.
    hint: hint || HINTS[code.replace('SSL/TLS_ALERT', 'SSLV3_ALERT')],
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
  /** Of those that know better than the code. */
  hint?: string;
  cause?: Failure;
  /** With several addresses tried ("happy eyeballs") Node throws an AggregateError with an empty message. */
  errors?: readonly Failure[];
}

/** The error of the system, below what libraries made of it: those keep headers on theirs, and credentials with them. */
function rootOf(error: Failure): Failure {
  const inner = error.errors?.[0] ?? error.cause;
  return typeof inner === 'object' && inner !== null ? rootOf(inner) : error;
}
