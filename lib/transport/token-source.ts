import { isDeepStrictEqual } from 'node:util';
import { AuthenticationError, RegistryError } from '../errors.js';
import type { BearerChallenge } from './challenge.js';
import { type Credentials, type CredentialsProvider, normaliseCredentials } from './credentials.js';
import { Gate } from './gate.js';
import { resolveRealm } from './realm.js';
import type { ScopeSet } from './scope-set.js';
import { requestToken, type TokenGrant } from './token-request.js';
import { SharedWork } from './shared-work.js';
import type { Transport } from './transport.js';

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
  /** The credentials that are themselves the token, as they were given. */
  given?: Credentials;
}

/** What the provider gave, and what of it is used. */
interface Known {
  given?: Credentials;
  credentials?: Credentials;
}

interface Entry {
  scopes: ScopeSet;
  pending: SharedWork<Token>;
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
  /** Open once the token server has taken the credentials. */
  readonly #gate = new Gate();
  #refusal: unknown;
  /** What is not to be given another time. */
  #refused: Credentials | undefined;
  #rotated: { from: string; to: string } | undefined;

  constructor(options: TokenSourceOptions) {
    this.#options = options;
  }

  /**
   * A token whose scopes cover `wanted`, from memory or from the token server.
   * @param signal - ends the waiting of this caller; the fetch goes on for the others, if there are any
   * @throws AuthenticationError or RegistryError, see `requestToken` and `resolveRealm`
   */
  async get(challenge: BearerChallenge, wanted: ScopeSet, signal?: AbortSignal): Promise<Token> {
    signal?.throwIfAborted();
    const entry = this.#find(wanted) ?? this.#start(challenge, wanted);
    return entry.pending.wait(signal);
  }

  /**
   * The registry answered 401 to this token: it and all kept ones that could stand in for it are forgotten. Only the first
   * call for a token counts, so that requests refused together cause one refresh together.
   */
  reject(token: Token): void {
    if (this.#rejected.has(token)) return;
    this.#rejected.add(token);
    this.#refused = token.given ?? this.#refused;
    for (const [key, entry] of this.#entries) {
      if (entry.token?.scopes.covers(token.scopes)) this.#entries.delete(key);
    }
  }

  #find(wanted: ScopeSet): Entry | undefined {
    const now = this.#options.now();
    return [...this.#entries.values()].findLast(
      ({ scopes, token, pending }) =>
        scopes.covers(wanted) && (token === undefined ? !pending.isAbandoned : now < token.staleAt),
    );
  }

  #start(challenge: BearerChallenge, wanted: ScopeSet): Entry {
    const { key } = wanted;
    const pending = new SharedWork((signal) => this.#fetch(challenge, wanted, signal));
    const entry: Entry = { scopes: wanted, pending };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    const oldest = this.#entries.size > MAX_ENTRIES ? this.#entries.keys().next().value : undefined;
    if (oldest !== undefined) this.#entries.delete(oldest);
    const keep = (token: Token): void => void (entry.token = token);
    const forget = (): void => void (this.#entries.get(key) === entry && this.#entries.delete(key));
    pending.work.then(keep, forget);
    return entry;
  }

  /** Credentials that were good before may have expired: those of a helper are asked for anew, once. */
  async #fetch(challenge: BearerChallenge, scopes: ScopeSet, signal: AbortSignal): Promise<Token> {
    const known = await this.#credentials(signal);
    const wereGood = this.#gate.isOpen;
    try {
      return await this.#fetchAs(known, challenge, scopes, signal);
    } catch (error) {
      if (!isRefusal(error) || !known.given) throw error;
      this.#refused = known.given;
      const next = wereGood ? await this.#credentials(signal) : known;
      if (isDeepStrictEqual(next.credentials, known.credentials)) throw error;
      return this.#fetchAs(next, challenge, scopes, signal);
    }
  }

  async #fetchAs(
    { given, credentials }: Known,
    challenge: BearerChallenge,
    scopes: ScopeSet,
    signal: AbortSignal,
  ): Promise<Token> {
    const { registry, transport, now, log } = this.#options;
    signal.throwIfAborted();
    if (given && credentials && 'registryToken' in credentials) {
      return { authorization: `Bearer ${credentials.registryToken}`, scopes, staleAt: Infinity, given };
    }
    const realm = resolveRealm(challenge, registry);
    const { list } = scopes;
    const { service } = challenge;
    const request = { transport, realm, service, scopes: list, registry: registry.host, credentials, signal };
    const ask = (): Promise<TokenGrant> => {
      log(`asking ${realm.host} for a token for ${registry.host}: ${list.join(' ') || 'no scope'}`);
      return requestToken(request);
    };
    const grant = credentials ? await this.#askInTurn(ask, signal) : await ask();
    this.#rotate(credentials, grant.refreshToken);
    // A monotonic clock and the moment of the answer: neither the server's clock nor a change of ours can shorten it.
    const margin = Math.min(10_000, grant.lifetime / 10);
    return { authorization: `Bearer ${grant.token}`, scopes, staleAt: now() + grant.lifetime - margin };
  }

  /** Until the token server has taken the credentials once, one at a time tries them. */
  async #askInTurn(ask: () => Promise<TokenGrant>, signal: AbortSignal): Promise<TokenGrant> {
    const turn = await this.#gate.enter(signal);
    if (turn.isHopeless) throw this.#refusal;
    try {
      const grant = await ask();
      this.#gate.open();
      return grant;
    } catch (error) {
      const isRefused = error instanceof RegistryError && error.status === 401;
      if (isRefused) this.#refusal = error;
      turn.end(isRefused);
      throw error;
    }
  }

  async #credentials(signal: AbortSignal): Promise<Known> {
    const { host } = this.#options.registry;
    const given = await this.#options.credentials(host, signal, this.#refused);
    if (given === undefined) return {};
    const credentials = normaliseCredentials(given, `the credentials for ${host}`);
    const isRotated = 'identityToken' in credentials && credentials.identityToken === this.#rotated?.from;
    if (!isRotated || !this.#rotated) return { given, credentials };
    return { given, credentials: { ...credentials, identityToken: this.#rotated.to } };
  }

  // Some servers accept a refresh token once and answer with the next one (RFC 6749 §6).
  #rotate(used: Credentials | undefined, next: string | undefined): void {
    if (next === undefined || !used || !('identityToken' in used)) return;
    const from = this.#rotated?.to === used.identityToken ? this.#rotated.from : used.identityToken;
    this.#rotated = { from, to: next };
  }
}

/** Some token servers answer 403, or in the words of OAuth2 (RFC 6749 §5.2) 400, to a password that is no longer good. */
function isRefusal(error: unknown): boolean {
  return error instanceof AuthenticationError && [400, 401, 403].includes(error.status ?? 0);
}
