import { RegistryError } from '../errors.js';
import { redactUrl } from '../redact.js';
import { type BasicChallenge, type BearerChallenge, selectChallenge } from './challenge.js';
import { basicAuthorization, type Credentials, type CredentialsProvider, normaliseCredentials } from './credentials.js';
import { Gate } from './gate.js';
import { sameOrigin } from './origin.js';
import { holdResponse } from './response-body.js';
import { ScopeSet } from './scope-set.js';
import { SharedWork } from './shared-work.js';
import { type Token, TokenSource } from './token-source.js';
import type { Transport, TransportRequest, TransportResponse } from './transport.js';
import { raceSignal, within } from './waiting.js';

/** Who gets credentials, and where they come from. */
export interface AuthOptions {
  /** The only origin that gets credentials. */
  registry: URL;
  /** Asked when a challenge has to be answered, never before, and again for every new token: a slow one should remember. */
  credentials: CredentialsProvider;
  /** Carries the token requests; closed by whoever made it. Default: the wrapped transport. */
  tokens?: Transport;
  /** Monotonic milliseconds. Default `performance.now`. */
  now?: () => number;
  /** Told about each token request, one line without secrets. Default: nobody. */
  log?: (message: string) => void;
}

type KnownChallenge = BearerChallenge | BasicChallenge;

/** How a request was signed; `token` is there for Bearer, the other two for Basic. */
interface Proof {
  authorization: string;
  token?: Token;
  /** What the provider gave, as it gave it. */
  given?: Credentials;
  /** When it did, by `now()`. */
  since?: number;
}

/** One sending of a request. `challenge` is there when the answer is a 401 this client knows how to react to. */
interface Sending {
  response: TransportResponse;
  proof: Proof | undefined;
  challenge?: KnownChallenge | undefined;
}

const PING_TIMEOUT = 30_000;

/** Milliseconds in which a password that was just given does not expire: until then a 403 is about rights. */
const FRESH = 60_000;

/**
 * Signs requests to the registry in: nothing on the first one, then whatever its 401 asks for, ahead of every later request.
 *
 * Credentials and tokens belong to the registry's origin. A request to any other (a redirect, an upload location) loses its
 * `authorization`, and a 401 from there is returned unanswered, because that server may want to be told what it must not
 * know (CVE-2020-15157). A caller's own `authorization` for the registry is left alone. A 401 that cannot be answered, or
 * comes again after the answer, is returned; see `TokenSource.get` for what is thrown when no token can be had.
 */
export class AuthTransport implements Transport {
  readonly #inner: Transport;
  readonly #registry: URL;
  readonly #credentials: CredentialsProvider;
  readonly #tokens: TokenSource;
  readonly #now: () => number;
  /** Open once it is known how to sign in, or that nobody needs to. */
  readonly #discovery = new Gate();
  /** Open once the registry has let a password in. */
  readonly #trial = new Gate();
  #challenge: KnownChallenge | undefined;
  #basic: Promise<Proof | undefined> | undefined;
  #pinged: SharedWork<KnownChallenge | undefined> | undefined;

  /**
   * Nothing is sent yet: who is to be asked for a token is known with the first answer.
   * @param inner - sends requests once they are signed, and those for tokens unless `options.tokens` does
   */
  constructor(inner: Transport, options: AuthOptions) {
    const { registry, credentials, tokens = inner, now = () => performance.now(), log = () => undefined } = options;
    this.#inner = inner;
    this.#registry = registry;
    this.#credentials = credentials;
    this.#now = now;
    this.#tokens = new TokenSource({ registry, credentials, transport: tokens, now, log });
  }

  async send(request: TransportRequest): Promise<TransportResponse> {
    if (!this.#isRegistry(request.url)) return this.#inner.send(withoutSecrets(request));
    if (isSigned(request)) return this.#inner.send(request);
    let sending = await this.#sendFirst(request);
    for (let round = 0; sending.challenge; round += 1) {
      const proof = await this.#answer(request, sending, round);
      if (!proof || proof.authorization === sending.proof?.authorization) break;
      sending = await this.#sendOnce(request, proof);
    }
    return sending.response;
  }

  async close(): Promise<void> {
    await this.#inner.close?.();
  }

  /** For `await using`: as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #isRegistry(url: URL): boolean {
    return sameOrigin(url, this.#registry);
  }

  // Eight uploads starting together: one goes ahead and learns how to sign in, seven wait for that and go out signed.
  async #sendFirst(request: TransportRequest): Promise<Sending> {
    const turn = await this.#discovery.enter(request.signal);
    try {
      return await this.#sendOnce(request, await this.#knownProof(request));
    } finally {
      turn.end();
    }
  }

  /** A request that names no scopes most likely needs what the last challenge named. */
  async #knownProof({ scopes, signal }: TransportRequest): Promise<Proof | undefined> {
    const challenge = this.#challenge;
    if (!challenge) return undefined;
    if (challenge.scheme === 'basic') return raceSignal(this.#basic ?? this.#lookUpBasic(), signal);
    return this.#tokenProof(challenge, new ScopeSet(scopes?.length ? scopes : challenge.scopes), signal);
  }

  // Eight at once with a wrong password would be eight wrong passwords: one tries it, and the others wait for the verdict.
  async #sendOnce(request: TransportRequest, proof: Proof | undefined): Promise<Sending> {
    if (!proof || proof.token) return this.#sendWith(request, proof);
    const turn = await this.#trial.enter(request.signal);
    try {
      if (turn.isHopeless) return { response: await this.#inner.send(request), proof: undefined };
      const sending = await this.#sendWith(request, proof);
      if (sending.response.status === 401) turn.end(true);
      else if (isConclusive(sending.response)) this.#trial.open();
      return sending;
    } finally {
      turn.end();
    }
  }

  async #sendWith(request: TransportRequest, proof: Proof | undefined): Promise<Sending> {
    const response = await this.#inner.send(proof ? signed(request, proof) : request);
    const isExpired = this.#mayBeExpired(response, proof);
    if (!this.#isRegistry(response.url) || !(isExpired || isChallenging(response))) {
      if (isConclusive(response)) this.#discovery.open();
      return { response, proof };
    }
    const held = await holdResponse(response);
    request.signal?.throwIfAborted();
    const challenge = isExpired ? this.#challenge : await this.#learn(held, request.signal);
    return { response: held, proof, challenge };
  }

  // ECR says 403 to a password of 12 hours ago (awslabs/amazon-ecr-credential-helper#7).
  #mayBeExpired({ status }: TransportResponse, proof: Proof | undefined): boolean {
    if (status !== 403 || proof?.since === undefined || this.#challenge?.scheme !== 'basic') return false;
    return this.#now() - proof.since >= FRESH;
  }

  /** What the 401 asks for, remembered for all requests to come. */
  async #learn({ headers, url }: TransportResponse, signal?: AbortSignal): Promise<KnownChallenge | undefined> {
    const header = headers['www-authenticate'];
    const challenge = header === undefined ? await this.#assume(signal) : selectChallenge(header, url);
    if (challenge) this.#challenge = challenge;
    this.#discovery.open();
    return challenge;
  }

  // gcr.io has sent 401 without a challenge on resources, but with one on /v2/ (containers/image docker_client.go).
  async #assume(signal?: AbortSignal): Promise<KnownChallenge | undefined> {
    const challenge = this.#challenge ?? (await this.#pingOnce(signal));
    return challenge?.scheme === 'bearer' ? { ...challenge, scopes: [], error: undefined } : challenge;
  }

  #pingOnce(signal: AbortSignal | undefined): Promise<KnownChallenge | undefined> {
    if (!this.#pinged || this.#pinged.isAbandoned) {
      const pinged = new SharedWork((shared) => this.#ping(shared));
      this.#pinged = pinged;
      pinged.work.catch(() => this.#pinged === pinged && (this.#pinged = undefined));
    }
    return this.#pinged.wait(signal);
  }

  async #ping(signal: AbortSignal): Promise<KnownChallenge | undefined> {
    const url = new URL(this.#registry.origin);
    url.pathname = `${this.#registry.pathname.replace(/\/$/, '')}/v2/`;
    const details = { code: 'ETIMEDOUT', retryable: true, method: 'GET', url: redactUrl(url) };
    const ask = async (limited: AbortSignal): Promise<TransportResponse> =>
      holdResponse(await this.#inner.send({ method: 'GET', url, headers: {}, signal: limited }));
    const late = (): Error => new RegistryError(`GET ${details.url} got no answer within 30 s`, details);
    const response = await within(PING_TIMEOUT, signal, ask, late);
    const isChallenge = response.status === 401 && this.#isRegistry(response.url);
    return isChallenge ? selectChallenge(response.headers['www-authenticate'] ?? '', response.url) : undefined;
  }

  /** How to send the request again after its 401; undefined when that would change nothing. */
  async #answer(request: TransportRequest, sending: Sending, round: number): Promise<Proof | undefined> {
    const { challenge, proof, response } = sending;
    if (challenge?.scheme === 'bearer') {
      const isForbidden = response.status === 403;
      return this.#answerBearer(request, challenge, { token: proof?.token, round, isForbidden });
    }
    if (round > 0) return undefined;
    return raceSignal(this.#renewBasic(proof), request.signal);
  }

  /**
   * A token that was to cover what is asked has expired or was revoked: it is renewed. One that was for less is widened,
   * also when that turns out only from the second 401 of a request (containers/image does the same).
   */
  async #answerBearer(
    request: TransportRequest,
    challenge: BearerChallenge,
    { token, round, isForbidden }: { token: Token | undefined; round: number; isForbidden: boolean },
  ): Promise<Proof | undefined> {
    const isNarrow = token !== undefined && !token.scopes.covers(new ScopeSet(challenge.scopes));
    const isWidening = isNarrow && challenge.error === 'insufficient_scope';
    if (round > 1 || (round === 1 && !isWidening) || (isForbidden && token && !isNarrow)) return undefined;
    if (token && !isNarrow) this.#tokens.reject(token);
    // What a request without scopes went out with may be for another repository: nothing of it is kept.
    const kept = token && (round === 1 || !isNarrow) ? token.scopes.list : [];
    const wanted = new ScopeSet([...challenge.scopes, ...(request.scopes ?? []), ...kept]);
    return this.#tokenProof(challenge, wanted, request.signal);
  }

  async #tokenProof(challenge: BearerChallenge, wanted: ScopeSet, signal?: AbortSignal): Promise<Proof> {
    const token = await this.#tokens.get(challenge, wanted, signal);
    return { authorization: token.authorization, token };
  }

  /** What others have found since, else the provider is asked anew: passwords such as those of ECR expire. */
  async #renewBasic(refused: Proof | undefined): Promise<Proof | undefined> {
    for (let asked: Promise<Proof | undefined> | undefined; asked !== this.#basic;) {
      asked = this.#basic;
      const known = await asked;
      // What was looked up after the refused one was, even if it is the same again.
      if (known && known !== refused) return known;
    }
    return this.#lookUpBasic(refused?.given);
  }

  /** Shared by everybody who waits for it, so no caller's signal goes in. */
  #lookUpBasic(refused?: Credentials): Promise<Proof | undefined> {
    const lookup = this.#basicProof(refused);
    this.#basic = lookup;
    lookup.catch(() => this.#basic === lookup && (this.#basic = undefined));
    return lookup;
  }

  async #basicProof(refused: Credentials | undefined): Promise<Proof | undefined> {
    const { host } = this.#registry;
    const given = await this.#credentials(host, undefined, refused);
    if (given === undefined) return undefined;
    const authorization = basicAuthorization(normaliseCredentials(given, `the credentials for ${host}`));
    return authorization === undefined ? undefined : { authorization, given, since: this.#now() };
  }
}

/** A registry that is busy or broken may answer before it asks who is there. */
function isConclusive({ status }: TransportResponse): boolean {
  return status < 500 && status !== 429;
}

/** A token that allows too little should be answered with 403 (RFC 6750 §3.1); distribution and others say 401. */
function isChallenging({ status, url, headers }: TransportResponse): boolean {
  if (status !== 403) return status === 401;
  const challenge = selectChallenge(headers['www-authenticate'] ?? '', url);
  return challenge?.scheme === 'bearer' && challenge.error === 'insufficient_scope' && challenge.scopes.length > 0;
}

function signed(request: TransportRequest, { authorization }: Proof): TransportRequest {
  return { ...request, headers: { ...request.headers, authorization } };
}

const SECRET_HEADERS = new Set(['authorization', 'cookie', 'proxy-authorization']);

function withoutSecrets(request: TransportRequest): TransportRequest {
  const headers = Object.entries(request.headers).filter(([name]) => !SECRET_HEADERS.has(name.toLowerCase()));
  return { ...request, headers: Object.fromEntries(headers) };
}

function isSigned(request: TransportRequest): boolean {
  return Object.keys(request.headers).some((name) => name.toLowerCase() === 'authorization');
}
