import { checkOwnOptions } from './config/checks.js';
import type { HostOptions, HostsOptions } from './config/host-options.js';
import { HostSettings } from './config/host-settings.js';
import { Hosts } from './config/hosts.js';
import { InvalidArgumentError } from './errors.js';
import { DOCKER_HUB_API, registryOf } from './oci/docker-hub.js';
import { printable } from './redact.js';
import {
  type BasicCredentials,
  type Credentials,
  type CredentialsProvider,
  percentDecoded,
  toCredentialsProvider,
} from './transport/credentials.js';
import { isLoopback } from './transport/origin.js';
import type { TlsOptions } from './transport/tls-material.js';
import type { Transport } from './transport/transport.js';
import type { RetryOptions } from './transport/retry-transport.js';
import { MAX_TIMER, wholeNumber } from './whole-number.js';

/**
 * What a client is made from. Every field may be left out. What holds for a host stands here for the registry of this client, or
 * under `hosts` for any of those it meets: an option here counts more than the entry of the host, that more than the
 * environment, and that more than what docker has stored. See docs/configuration.md.
 */
export interface RegistryClientOptions extends Omit<HostOptions, 'plainHttp'> {
  /**
   * Address of the registry. Without a scheme, loopback hosts and those with `plainHttp` speak http, all others https. A path in
   * front of `/v2/` is kept. Default: `REGISTRY_URL`, else `http://localhost:15000`.
   */
  url?: string | URL;
  /**
   * Settings for single hosts: this registry, its mirrors, its token server, the storage it redirects to. One object can serve
   * several clients; `loadConfig()` reads it from a file. Default: none.
   */
  hosts?: HostsOptions;
  /**
   * Who we are: credentials, a function that finds them for `host[:port]`, or `'anonymous'`. Default: user and password in `url`,
   * else those of the host in `hosts`, else what `docker login` stored (`DOCKER_AUTH_CONFIG`, `DOCKER_CONFIG`, `~/.docker/config.json`).
   */
  credentials?: Credentials | CredentialsProvider | 'anonymous';
  /** Sends single requests in place of axios; redirects, credentials and retries still wrap it. */
  transport?: Transport;
  /** Accept any TLS certificate, of every server this client speaks to. Default `false`. */
  insecure?: boolean;
  /**
   * Authorities to trust, besides the well-known ones, for every server this client speaks to; and our own certificate, for the
   * registry only. Files are read at once. Default: for each host what docker's `certs.d` has.
   */
  tls?: TlsOptions;
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
  /** The one to use in place of {@link AxiosTransport}; undefined for that. */
  readonly transport: Transport | undefined;
  /** Whether any TLS certificate will do. */
  readonly insecure: boolean;
  /** Blobs at once; where `isAdaptive`, only what a transfer starts from. */
  readonly concurrency: number;
  /** Whether nobody has said how many blobs go at once. */
  readonly isAdaptive: boolean;
  /** Milliseconds for one metadata call. */
  readonly timeout: number;
  /** Milliseconds without a byte moving. */
  readonly idleTimeout: number;
  /** Bytes; undefined for a whole blob in one request. */
  readonly chunkSize: number | undefined;
  /** Milliseconds after the last byte of an upload. */
  readonly responseTimeout: number;
  /** As given, checked; empty for the defaults of {@link RetryOptions}. */
  readonly retry: RetryOptions;
  /** Whether packed layers are remembered on disk. */
  readonly cache: boolean;
  /** Takes one line per request; undefined for no log. */
  readonly log: ((line: string) => void) | undefined;
  /** How each host is reached, and what it is told. */
  readonly hosts: HostSettings;
  /** In the order they are asked; empty for none. */
  readonly mirrors: readonly MirrorAddress[];
}

/** A mirror, and who we are there. */
export interface MirrorAddress {
  /** Ends with `/`, holds no user information. */
  readonly url: URL;
  /** Undefined for what `docker login` stored. */
  readonly credentials: CredentialsProvider | undefined;
}

export const DEFAULT_URL = 'http://localhost:15000';

/** @throws InvalidArgumentError naming the option and what it may be. */
export function resolveOptions(
  options: RegistryClientOptions = {},
  env: Readonly<Record<string, string | undefined>> = process.env,
): ResolvedOptions {
  checkOwnOptions(options);
  const hosts = new Hosts(options.hosts);
  const { url, credentials } = addressOf(options.url ?? (env.REGISTRY_URL || DEFAULT_URL), hosts);
  const entry = hosts.at(url);
  const { insecure, concurrency, chunkSize, mirrors = [] } = { ...entry, ...defined(options) };
  return Object.freeze({
    url,
    registry: registryOf(url),
    credentials: options.credentials === undefined ? credentials : providerOf(options.credentials),
    transport: checkedTransport(options.transport),
    insecure: insecure ?? false,
    concurrency: concurrency ?? 8,
    isAdaptive: concurrency === undefined,
    timeout: wholeNumber('timeout', options.timeout ?? timeoutFrom(env), 1, MAX_TIMER),
    ...patienceOf(options),
    chunkSize,
    retry: checkedRetry(options.retry),
    cache: options.cache ?? options.transport === undefined,
    log: options.log ?? (env.REGISTRY_DEBUG === 'true' ? logToStandardError : undefined),
    hosts: new HostSettings({ registry: url, own: options, hosts, env }),
    mirrors: mirrors.map((mirror) => addressOf(mirror, hosts)),
  });
}

function patienceOf({ idleTimeout = 60_000, responseTimeout = 300_000 }: RegistryClientOptions): {
  idleTimeout: number;
  responseTimeout: number;
} {
  return {
    idleTimeout: wholeNumber('idleTimeout', idleTimeout, 1, MAX_TIMER),
    responseTimeout: wholeNumber('responseTimeout', responseTimeout, 1, MAX_TIMER),
  };
}

/** An option that is there, but `undefined`, says nothing. */
function defined(options: RegistryClientOptions): RegistryClientOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** Of a registry or a mirror, with whom we are there, as far as somebody has said so. */
function addressOf(text: string | URL, hosts: Hosts): MirrorAddress {
  const { url, credentials } = parseUrl(text, hosts);
  return { url, credentials: providerOf(credentials ?? hosts.at(url).credentials) };
}

function parseUrl(text: string | URL, hosts: Hosts): { url: URL; credentials?: BasicCredentials } {
  const written = String(text);
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(written);
  const complete = hasScheme ? written : `${schemeFor(written, hosts)}${written}`;
  if (!URL.canParse(complete)) throw notAnAddress(written);
  const url = new URL(complete);
  const isHttp = url.protocol === 'http:' || url.protocol === 'https:';
  // A password with a / in it ends the host early: `http://user:12/34@host`.
  if (!isHttp || url.search || url.hash || url.pathname.includes('@')) throw notAnAddress(written);
  // docker.io is a name for people, https://index.docker.io/v1/ one for docker login; the API lives elsewhere.
  if (/^(index\.)?docker\.io$/.test(url.host)) [url.host, url.pathname] = [DOCKER_HUB_API, '/'];
  const { username, password } = url;
  url.username = '';
  url.password = '';
  // Users paste the address of the ping; the API's own prefix is added to every request anyway.
  url.pathname = `${url.pathname.replace(/\/+$/, '').replace(/\/v2$/, '')}/`;
  if (!username) return { url };
  return { url, credentials: { username: percentDecoded(username), password: percentDecoded(password) } };
}

function schemeFor(written: string, hosts: Hosts): string {
  const [, hostname = '', port = ''] = /^(?:[^/]*@)?(\[[^\]]*\]|[^:/]*)(:\d+)?/.exec(written) ?? [];
  const ports = port === ':80' || port === '' ? ['', ':80'] : [port];
  const { plainHttp = isLoopback(hostname) } = hosts.for(hostname, ports);
  return plainHttp ? 'http://' : 'https://';
}

function notAnAddress(written: string): InvalidArgumentError {
  // Everything before the last @ may be a password, also where the rest is no address.
  const shown = printable(written.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1'), 200);
  return new InvalidArgumentError(`"${shown}" is not the address of a registry`, {
    code: 'URL_INVALID',
    hint: 'Write http://host:port or https://host.',
  });
}

function providerOf(given: HostOptions['credentials']): CredentialsProvider | undefined {
  if (given === undefined) return undefined;
  return toCredentialsProvider(given === 'anonymous' ? undefined : given);
}

function checkedTransport(transport: Transport | undefined): Transport | undefined {
  if (transport === undefined || typeof transport.send === 'function') return transport;
  throw new InvalidArgumentError('the option transport has no method send', { hint: 'Give an instance, not a class.' });
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
