import type { BearerChallenge } from './challenge.js';
import { type Credentials, type CredentialsProvider, normaliseCredentials } from './credentials.js';
import { resolveRealm } from './realm.js';
import type { ScopeSet } from './scope-set.js';
import { requestToken } from './token-request.js';
import type { Transport } from './transport.js';
import { raceSignal } from './waiting.js';

export interface TokenSourceOptions {
  registry: URL;
  credentials: CredentialsProvider;
  /** Carries the token requests. */
  transport: Transport;
  /** Monotonic milliseconds. */
  now: () => number;
  log: (message: string) => void;
}

export interface Token {
  /** The `Authorization` value. */
  authorization: string;
  /** What was asked for; the server may have granted less and does not say so (token.md, "Requesting a Token"). */
  scopes: ScopeSet;
  /** From this moment of `now()` on it is not handed out any more. */
  staleAt: number;
}

interface Entry {
  scopes: ScopeSet;
  pending: Promise<Token>;
  /** Absent while it is being fetched. */
  token?: Token;
}

/** Enough for a walk over a catalog not to fill the memory. */
const MAX_ENTRIES = 100;

/** Fetches bearer tokens and keeps them by scope; everybody who wants the same shares one fetch. */
export class TokenSource {
  readonly #options: TokenSourceOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #rejected = new WeakSet<Token>();
  #rotated: { from: string; to: string } | undefined;

  constructor(options: TokenSourceOptions) {
    this.#options = options;
  }

  /**
   * A token whose scopes cover `wanted`, from memory or from the token server.
   * @param signal - ends the waiting of this caller; the fetch goes on for the others
   * @throws AuthenticationError or RegistryError, see `requestToken` and `resolveRealm`
   */
  get(challenge: BearerChallenge, wanted: ScopeSet, signal?: AbortSignal): Promise<Token> {
    const entry = this.#find(wanted) ?? this.#start(challenge, wanted);
    return raceSignal(entry.pending, signal);
  }

  /**
   * The registry answered 401 to this token: it and all kept ones that could stand in for it are forgotten. Only the first
   * call for a token counts, so that requests refused together cause one refresh together.
   */
  reject(token: Token): void {
    if (this.#rejected.has(token)) return;
    this.#rejected.add(token);
    for (const [key, entry] of this.#entries) {
      if (entry.token?.scopes.covers(token.scopes)) this.#entries.delete(key);
    }
  }

  #find(wanted: ScopeSet): Entry | undefined {
    const now = this.#options.now();
    return [...this.#entries.values()].findLast(
      ({ scopes, token }) => scopes.covers(wanted) && (token === undefined || now < token.staleAt),
    );
  }

  #start(challenge: BearerChallenge, wanted: ScopeSet): Entry {
    const entry: Entry = { scopes: wanted, pending: this.#fetch(challenge, wanted) };
    const { key } = wanted;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    const oldest = this.#entries.size > MAX_ENTRIES ? this.#entries.keys().next().value : undefined;
    if (oldest !== undefined) this.#entries.delete(oldest);
    const keep = (token: Token): void => void (entry.token = token);
    const forget = (): void => void (this.#entries.get(key) === entry && this.#entries.delete(key));
    entry.pending.then(keep, forget);
    return entry;
  }

  async #fetch(challenge: BearerChallenge, scopes: ScopeSet): Promise<Token> {
    const { registry, transport, now, log } = this.#options;
    const credentials = await this.#credentials();
    if (credentials && 'registryToken' in credentials) {
      return { authorization: `Bearer ${credentials.registryToken}`, scopes, staleAt: Infinity };
    }
    const realm = resolveRealm(challenge, registry);
    const { list } = scopes;
    log(`asking ${realm.host} for a token for ${registry.host}: ${list.join(' ') || 'no scope'}`);
    const { service } = challenge;
    const grant = await requestToken({ transport, realm, service, scopes: list, registry: registry.host, credentials });
    this.#rotate(credentials, grant.refreshToken);
    // A monotonic clock and the moment of the answer: neither the server's clock nor a change of ours can shorten it.
    const margin = Math.min(10_000, grant.lifetime / 10);
    return { authorization: `Bearer ${grant.token}`, scopes, staleAt: now() + grant.lifetime - margin };
  }

  async #credentials(): Promise<Credentials | undefined> {
    const { host } = this.#options.registry;
    const given = await this.#options.credentials(host);
    if (given === undefined) return undefined;
    const credentials = normaliseCredentials(given, `the credentials for ${host}`);
    const isRotated = 'identityToken' in credentials && credentials.identityToken === this.#rotated?.from;
    return isRotated && this.#rotated ? { ...credentials, identityToken: this.#rotated.to } : credentials;
  }

  // Some servers accept a refresh token once and answer with the next one (RFC 6749 §6).
  #rotate(used: Credentials | undefined, next: string | undefined): void {
    if (next === undefined || !used || !('identityToken' in used)) return;
    const from = this.#rotated?.to === used.identityToken ? this.#rotated.from : used.identityToken;
    this.#rotated = { from, to: next };
  }
}
