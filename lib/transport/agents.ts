import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent, type AgentOptions } from 'node:https';
import { secureContextOf, type TlsMaterial } from './tls-material.js';
import { TunnelAgent } from './tunnel-agent.js';

/** How one server is reached. */
export interface ConnectionSettings {
  /** Undefined where Node's own authorities are enough. */
  tls?: TlsMaterial | undefined;
  /** Accept any TLS certificate. Default `false`. */
  insecure?: boolean;
  /** Undefined goes straight there. */
  proxy?: URL | undefined;
}

/** What a request is sent by. */
export interface Route {
  agent: HttpAgent | HttpsAgent;
  /** The request names its whole address to this proxy. An https one needs nothing of the kind: its agent knows the proxy. */
  forwarding?: URL;
}

/** The connections of a transport, kept for the next request. What has settings of its own shares none with anybody else. */
export class Agents {
  private readonly http: HttpAgent;
  private readonly kept = new Map<string, HttpsAgent>();
  private readonly routes = new Map<string, Route>();

  constructor(
    private readonly pool: AgentOptions,
    private readonly settingsOf: (url: URL) => ConnectionSettings,
  ) {
    this.http = new HttpAgent(pool);
  }

  /** @throws InvalidArgumentError when the settings of that server cannot be used */
  route(url: URL): Route {
    const known = this.routes.get(url.origin);
    if (known) return known;
    const route = this.newRoute(url);
    this.routes.set(url.origin, route);
    return route;
  }

  destroy(): void {
    for (const agent of [this.http, ...this.kept.values()]) agent.destroy();
  }

  private newRoute(url: URL): Route {
    const settings = this.settingsOf(url);
    const { proxy } = settings;
    if (url.protocol === 'https:') return { agent: this.https(url, settings) };
    if (!proxy) return { agent: this.http };
    const agent = proxy.protocol === 'https:' ? this.https(proxy, this.direct(proxy)) : this.http;
    return { agent, forwarding: proxy };
  }

  private https(url: URL, settings: ConnectionSettings): HttpsAgent {
    const { tls, proxy, insecure } = settings;
    const key = [tls && url.origin, proxy?.href, insecure].join(' ');
    const kept = this.kept.get(key);
    if (kept) return kept;
    const options = { ...this.pool, ...secured(settings) };
    const agent = proxy
      ? new TunnelAgent(options, proxy, proxy.protocol === 'https:' ? secured(this.direct(proxy)) : {})
      : new HttpsAgent(options);
    this.kept.set(key, agent);
    return agent;
  }

  private direct(proxy: URL): ConnectionSettings {
    return { ...this.settingsOf(proxy), proxy: undefined };
  }
}

function secured({ tls, insecure = false }: ConnectionSettings): AgentOptions {
  return { rejectUnauthorized: !insecure, ...(tls ? { secureContext: secureContextOf(tls) } : {}) };
}
