import type { ConnectionSettings } from '../transport/agents.js';
import { findCertificates } from '../transport/certs-d.js';
import { isLoopback, sameOrigin } from '../transport/origin.js';
import { parseProxy, proxyFromEnvironment } from '../transport/proxy.js';
import { readTls, type TlsMaterial, type TlsOptions } from '../transport/tls-material.js';
import type { HostOptions } from './host-options.js';
import type { Hosts } from './hosts.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** Options that a client has for its own registry. */
export type OwnOptions = Pick<HostOptions, 'insecure' | 'tls' | 'proxy' | 'headers' | 'requestsPerSecond'>;

export interface HostSettingsParts {
  registry: URL;
  own: OwnOptions;
  hosts: Hosts;
  env: Environment;
}

/**
 * What holds for a server: the client's own options, then its entry in `hosts`, then the environment, then `certs.d`.
 *
 * Whom to trust and by what proxy to go is the same for every server a client speaks to; who we are is for the registry alone.
 */
export class HostSettings {
  readonly #parts: HostSettingsParts;
  /** Read once, so that a wrong file is told before anything is sent. */
  readonly #tls: TlsMaterial | undefined;

  /** @throws InvalidArgumentError when the files of the option `tls` cannot be used */
  constructor(parts: HostSettingsParts) {
    this.#parts = parts;
    this.#tls = parts.own.tls && readTls(parts.own.tls, 'the option tls');
  }

  /** @throws InvalidArgumentError when a file for that host cannot be used */
  connection(url: URL): ConnectionSettings {
    const { own, hosts } = this.#parts;
    const entry = hosts.at(url);
    return {
      insecure: own.insecure ?? entry.insecure ?? false,
      tls: url.protocol === 'https:' ? this.#tlsOf(url, entry.tls) : undefined,
      proxy: this.#proxyOf(url, entry),
    };
  }

  /** Over plain http only where that was asked for: such a host can be anybody. */
  headers(url: URL): Readonly<Record<string, string>> | undefined {
    const { own, hosts } = this.#parts;
    const entry = hosts.at(url);
    const isOwn = this.#isOwn(url);
    const isMeant = isOwn || url.protocol === 'https:' || entry.plainHttp === true || isLoopback(url.hostname);
    const headers = { ...(isMeant ? entry.headers : {}), ...(isOwn ? own.headers : {}) };
    const lowered = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
    return lowered.length > 0 ? Object.fromEntries(lowered) : undefined;
  }

  /** How many requests to its host may start in a second; undefined for no limit. */
  requestsPerSecond(url: URL): number | undefined {
    const { own, hosts } = this.#parts;
    const limit = this.#isOwn(url) ? own.requestsPerSecond : undefined;
    return limit ?? hosts.at(url).requestsPerSecond;
  }

  #isOwn(url: URL): boolean {
    return sameOrigin(url, this.#parts.registry);
  }

  #tlsOf(url: URL, entry: TlsOptions = {}): TlsMaterial | undefined {
    const own = this.#tls;
    const given = readTls(entry, `the option hosts[${JSON.stringify(url.host)}].tls`);
    const ca = [...(own?.ca ?? []), ...given.ca];
    const identity = (this.#isOwn(url) ? own?.identity : undefined) ?? given.identity;
    if (ca.length > 0 && identity) return { ca, identity };
    const found = this.#dockerTls(url, { ca: ca.length === 0, identity: !identity });
    const all = { ca: [...ca, ...found.ca], identity: identity ?? found.identity };
    return all.ca.length > 0 || all.identity ? all : undefined;
  }

  /** Only what nobody else has said is read, so that an option helps where a file is damaged. */
  #dockerTls({ host }: URL, wanted: { ca: boolean; identity: boolean }): TlsMaterial {
    const { ca, cert, key } = findCertificates(host, this.#parts.env) ?? {};
    const authorities = wanted.ca && ca ? { ca } : {};
    return readTls({ ...authorities, ...(wanted.identity && cert && key ? { cert, key } : {}) }, 'certs.d');
  }

  #proxyOf(url: URL, entry: HostOptions): URL | undefined {
    const { own, env } = this.#parts;
    const proxy = own.proxy ?? entry.proxy;
    if (proxy === undefined) return proxyFromEnvironment(url, env);
    return proxy === false || isLoopback(url.hostname) ? undefined : parseProxy(proxy, 'the option proxy');
  }
}
