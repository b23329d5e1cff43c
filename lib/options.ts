import { InvalidArgumentError } from './errors.js';
import { printable } from './redact.js';
import {
  type BasicCredentials,
  type Credentials,
  type CredentialsProvider,
  toCredentialsProvider,
} from './transport/credentials.js';
import { isLoopback } from './transport/origin.js';
import type { Transport } from './transport/transport.js';
import type { RetryOptions } from './transport/retry-transport.js';
import { MAX_CHUNK, MAX_TIMER, wholeNumber } from './whole-number.js';

/** What a client is made from. Every field may be left out. */
export interface RegistryClientOptions {
  /**
   * Address of the registry. Without a scheme, loopback hosts speak http and all others https. A path in front of `/v2/`
   * is kept. Default: `REGISTRY_URL`, else `http://localhost:15000`.
   */
  url?: string | URL;
  /**
   * Who we are: credentials, a function that finds them for `host[:port]`, or `'anonymous'`.
   * Default: user and password in `url`, else what `docker login` stored (`DOCKER_AUTH_CONFIG`, `DOCKER_CONFIG`, `~/.docker/config.json`).
   */
  credentials?: Credentials | CredentialsProvider | 'anonymous';
  /** Sends single requests in place of axios; redirects, credentials and retries still wrap it. */
  transport?: Transport;
  /** Accept any TLS certificate. Default `false`. */
  insecure?: boolean;
  /** How many blobs are transferred at once. Default 8, and of small ones up to 28 where the registry is far away. */
  concurrency?: number;
  /** Milliseconds for one metadata call: ping, lists, manifests. Transfers have none. Default: `REGISTRY_TIMEOUT` (seconds), else 30 000. */
  timeout?: number;
  /** Milliseconds without a byte moving before a transfer is given up. Default 60 000. */
  idleTimeout?: number;
  /**
   * Bytes that an upload sends at once, at most; up to 64 MiB, as a chunk is held in memory. Default: a whole blob in one request,
   * and smaller chunks where the registry, or a proxy in front of it, says that this is too much (413).
   */
  chunkSize?: number;
  /**
   * Milliseconds to wait for an answer after the last byte of an upload: registries hash and store then, some by copying it all
   * to another place. Default 300 000.
   */
  responseTimeout?: number;
  /** How often and how fast requests are repeated. */
  retry?: RetryOptions;
  /**
   * Remembers in `$XDG_CACHE_HOME/registry-api-v2-client` what packed layers registries have taken, so that pushing them again
   * sends nothing. `false`: only as long as the client lives. Default `true`, but `false` with a `transport` of your own.
   */
  cache?: boolean;
  /** Receives one line per request, without secrets. Default: standard error when `REGISTRY_DEBUG=true`, else nothing. */
  log?: (line: string) => void;
}

/** {@link RegistryClientOptions} after defaults, environment and checks. */
export interface ResolvedOptions {
  /** Ends with `/`, holds no user information. */
  readonly url: URL;
  /** `host[:port]`, as it stands in references. */
  readonly registry: string;
  /** A function, so that no secret shows where options are printed; absent for what `docker login` stored. */
  readonly credentials: CredentialsProvider | undefined;
  readonly transport: Transport | undefined;
  readonly insecure: boolean;
  readonly concurrency: number;
  /** Whether nobody has said how many blobs go at once. */
  readonly isAdaptive: boolean;
  readonly timeout: number;
  readonly idleTimeout: number;
  readonly chunkSize: number | undefined;
  readonly responseTimeout: number;
  readonly retry: RetryOptions;
  readonly cache: boolean;
  readonly log: ((line: string) => void) | undefined;
}

export const DEFAULT_URL = 'http://localhost:15000';

const HUB_API = 'registry-1.docker.io';

/** @throws InvalidArgumentError naming the option and what it may be. */
export function resolveOptions(
  options: RegistryClientOptions = {},
  env: Readonly<Record<string, string | undefined>> = process.env,
): ResolvedOptions {
  const { insecure = false, concurrency = 8, idleTimeout = 60_000, responseTimeout = 300_000 } = options;
  const { url, credentials } = parseUrl(options.url ?? (env.REGISTRY_URL || DEFAULT_URL));
  return Object.freeze({
    url,
    registry: url.host === HUB_API ? 'docker.io' : url.host,
    credentials: providerOf(options.credentials ?? credentials),
    transport: checkedTransport(options.transport),
    insecure,
    concurrency: wholeNumber('concurrency', concurrency, 1, 1000),
    isAdaptive: options.concurrency === undefined,
    timeout: wholeNumber('timeout', options.timeout ?? timeoutFrom(env), 1, MAX_TIMER),
    idleTimeout: wholeNumber('idleTimeout', idleTimeout, 1, MAX_TIMER),
    chunkSize: checkedChunk(options.chunkSize),
    responseTimeout: wholeNumber('responseTimeout', responseTimeout, 1, MAX_TIMER),
    retry: checkedRetry(options.retry),
    cache: options.cache ?? options.transport === undefined,
    log: options.log ?? (env.REGISTRY_DEBUG === 'true' ? logToStandardError : undefined),
  });
}

function parseUrl(text: string | URL): { url: URL; credentials?: BasicCredentials } {
  const written = String(text);
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(written);
  const complete = hasScheme ? written : `${schemeFor(written)}${written}`;
  if (!URL.canParse(complete)) throw notAnAddress(written);
  const url = new URL(complete);
  const isHttp = url.protocol === 'http:' || url.protocol === 'https:';
  // A password with a / in it ends the host early: `http://user:12/34@host`.
  if (!isHttp || url.search || url.hash || url.pathname.includes('@')) throw notAnAddress(written);
  // docker.io is a name for people, https://index.docker.io/v1/ one for docker login; the API lives elsewhere.
  if (/^(index\.)?docker\.io$/.test(url.host)) [url.host, url.pathname] = [HUB_API, '/'];
  const { username, password } = url;
  url.username = '';
  url.password = '';
  // Users paste the address of the ping; the API's own prefix is added to every request anyway.
  url.pathname = `${url.pathname.replace(/\/+$/, '').replace(/\/v2$/, '')}/`;
  if (!username) return { url };
  return { url, credentials: { username: decoded(username), password: decoded(password) } };
}

/** A `%` that was meant as itself stays. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function schemeFor(written: string): string {
  const [, hostname = ''] = /^(?:[^/]*@)?(\[[^\]]*\]|[^:/]*)/.exec(written) ?? [];
  return isLoopback(hostname) ? 'http://' : 'https://';
}

function notAnAddress(written: string): InvalidArgumentError {
  // Everything before the last @ may be a password, also where the rest is no address.
  const shown = printable(written.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1'), 200);
  return new InvalidArgumentError(`"${shown}" is not the address of a registry`, {
    code: 'URL_INVALID',
    hint: 'Write http://host:port or https://host.',
  });
}

function providerOf(given: RegistryClientOptions['credentials']): CredentialsProvider | undefined {
  if (given === undefined) return undefined;
  return toCredentialsProvider(given === 'anonymous' ? undefined : given);
}

function checkedTransport(transport: Transport | undefined): Transport | undefined {
  if (transport === undefined || typeof transport.send === 'function') return transport;
  throw new InvalidArgumentError('the option transport has no method send', { hint: 'Give an instance, not a class.' });
}

function checkedChunk(size: number | undefined): number | undefined {
  return size === undefined ? undefined : wholeNumber('chunkSize', size, 1, MAX_CHUNK);
}

function checkedRetry(retry: RetryOptions = {}): RetryOptions {
  const { retries = 0, baseDelay = 0, maxDelay = 0, maxRetryAfter = 0 } = retry;
  wholeNumber('retry.retries', retries, 0, 100);
  for (const [name, ms] of Object.entries({ baseDelay, maxDelay, maxRetryAfter })) {
    wholeNumber(`retry.${name}`, ms, 0, MAX_TIMER);
  }
  return Object.freeze({ ...retry });
}

function timeoutFrom({ REGISTRY_TIMEOUT }: Readonly<Record<string, string | undefined>>): number {
  if (!REGISTRY_TIMEOUT) return 30_000;
  const seconds = Number(REGISTRY_TIMEOUT);
  if (seconds > 0 && seconds * 1000 <= MAX_TIMER) return Math.ceil(seconds * 1000);
  throw new InvalidArgumentError(`REGISTRY_TIMEOUT is "${printable(REGISTRY_TIMEOUT, 50)}", not a number of seconds`);
}

function logToStandardError(line: string): void {
  process.stderr.write(`${line}\n`);
}
