import { AuthenticationError, RegistryError, type RegistryErrorDetails, type RegistryErrorEntry } from '../errors.js';
import { streamOf } from '../oci/byte-stream.js';
import { isJsonObject, type JsonObject } from '../oci/descriptor.js';
import { printable, redactUrl } from '../redact.js';
import { basicAuthorization, concealSecrets, type Credentials } from './credentials.js';
import { readUpTo } from './response-body.js';
import { rateLimited, retryAfter } from './retry-after.js';
import type { Transport, TransportRequest } from './transport.js';
import { within } from './waiting.js';

export interface TokenRequest {
  transport: Transport;
  /** Checked by `resolveRealm` before. */
  realm: URL;
  service: string | undefined;
  scopes: readonly string[];
  /** `host[:port]` the token is for; shown in errors. */
  registry: string;
  /** Undefined asks for an anonymous token. */
  credentials: Credentials | undefined;
  /** Milliseconds for the whole exchange, but for pauses the server asks for. Default 30 000. */
  timeout?: number;
  signal?: AbortSignal | undefined;
}

export interface TokenGrant {
  token: string;
  /** Milliseconds, at least 60 000. */
  lifetime: number;
  /** Takes the place of the refresh token that was sent. */
  refreshToken: string | undefined;
}

interface Answer {
  status: number;
  method: string;
  headers: Readonly<Record<string, string>>;
  body: Buffer;
}

const CLIENT_ID = 'registry-api-v2-client';
const MAX_BODY = 1024 * 1024;

/** Google answers the OAuth2 form with 404, Artifactory with 401, Azure with 400: containerd `auth/fetch.go`, go-containerregistry. */
const NO_OAUTH2 = new Set([400, 401, 404, 405]);

/**
 * Gets a token: `GET` with username and password or anonymously, the OAuth2 refresh grant with an identity token.
 * Sources: distribution `docs/content/spec/auth/token.md`, `oauth.md`.
 * @throws AuthenticationError when the server refuses or answers with something else than a token
 * @throws RateLimitError when it limits requests
 * @throws RegistryError, retryable, when it is busy, broken or too slow
 */
export async function requestToken(request: TokenRequest): Promise<TokenGrant> {
  const { timeout = 30_000, signal } = request;
  const answer = await within(
    timeout,
    signal,
    (limited) => ask(request, limited),
    () => failure(request, `no answer within ${timeout / 1000} s`, { code: 'ETIMEDOUT', retryable: true }),
  );
  return answer.status === 200 ? readGrant(request, answer) : fail(request, answer);
}

async function ask(request: TokenRequest, signal: AbortSignal): Promise<Answer> {
  const { credentials } = request;
  const authorization = basicAuthorization(credentials);
  if (credentials && 'identityToken' in credentials) {
    const answer = await exchange(request, refreshGrant(request, credentials.identityToken), signal);
    if (!NO_OAUTH2.has(answer.status) || authorization === undefined) return answer;
  }
  return exchange(request, tokenQuery(request, authorization), signal);
}

async function exchange(request: TokenRequest, message: TransportRequest, signal: AbortSignal): Promise<Answer> {
  const response = await request.transport.send({ ...message, signal, wholeUpTo: MAX_BODY });
  const stop = (): void => void response.body.destroy();
  signal.addEventListener('abort', stop, { once: true });
  const body = await readUpTo(response.body, MAX_BODY + 1).finally(() => signal.removeEventListener('abort', stop));
  return { status: response.status, method: message.method, headers: response.headers, body };
}

// The realm's own query stays as it is, byte for byte: it may be signed.
function tokenQuery({ realm, service, scopes }: TokenRequest, authorization: string | undefined): TransportRequest {
  const url = new URL(realm);
  const query = new URLSearchParams(service === undefined ? {} : { service });
  for (const scope of scopes) query.append('scope', scope);
  url.search = [url.search.slice(1), query.toString()].filter(Boolean).join('&');
  return {
    method: 'GET',
    url,
    headers: { accept: 'application/json', ...(authorization === undefined ? {} : { authorization }) },
  };
}

function refreshGrant({ realm, service, scopes }: TokenRequest, refreshToken: string): TransportRequest {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
    client_id: CLIENT_ID,
    ...(service === undefined ? {} : { service }),
    ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
  });
  const bytes = Buffer.from(form.toString());
  return {
    method: 'POST',
    url: realm,
    headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
    body: { size: bytes.length, open: () => streamOf(bytes) },
    repeatable: true,
  };
}

// `issued_at` is left alone: with a wrong clock on either side it makes a fresh token look expired.
function readGrant(request: TokenRequest, answer: Answer): TokenGrant {
  const json = answer.body.length > MAX_BODY ? undefined : parseJson(answer.body);
  if (!json) throw failure(request, 'an answer that is not JSON or too long', { ...about(request, answer) });
  const token = [json.access_token, json.token].find((value) => typeof value === 'string' && value !== '');
  if (!isSendable(token)) throw failure(request, 'an answer without a usable token', { ...about(request, answer) });
  const seconds = Number(json.expires_in);
  return {
    token,
    lifetime: 1000 * (seconds > 60 ? seconds : 60),
    refreshToken: isSendable(json.refresh_token) ? json.refresh_token : undefined,
  };
}

function isSendable(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value);
}

function fail(request: TokenRequest, answer: Answer): never {
  const errors = readErrors(request, answer);
  const said = errors.map(({ code, message }) => message ?? code).join('; ');
  const outcome = `${answer.status}${said === '' ? '' : ` (${said})`}`;
  const details = { ...about(request, answer), errors, ...(errors[0] ? { code: errors[0].code } : {}) };
  if (answer.status === 429)
    throw rateLimited(describe(request, outcome), { ...details, retryable: true }, retryAfter(answer.headers));
  if (answer.status >= 500) throw failure(request, outcome, { ...details, retryable: true });
  throw failure(request, outcome, { ...details, hint: signInHint(request) });
}

/** The spec's `errors`, OAuth2's `error_description`, or Docker Hub's `details`, without the secrets they may repeat. */
function readErrors(request: TokenRequest, answer: Answer): RegistryErrorEntry[] {
  const json = parseJson(answer.body) ?? {};
  const listed: unknown[] = Array.isArray(json.errors) ? json.errors : [];
  const entries = listed.length > 0 ? listed : [{ code: json.error, message: json.error_description ?? json.details }];
  const show = (text: string): string => printable(concealSecrets(text, request.credentials), 300);
  return entries
    .slice(0, 5)
    .filter(isJsonObject)
    .filter(({ code, message }) => typeof code === 'string' || typeof message === 'string')
    .map(({ code, message }) => ({
      code: typeof code === 'string' ? show(code) : 'UNAUTHORIZED',
      ...(typeof message === 'string' ? { message: show(message) } : {}),
    }));
}

// The parser's own message quotes the text, and with it a token.
function parseJson(bytes: Buffer): JsonObject | undefined {
  try {
    const json: unknown = JSON.parse(bytes.toString('utf8'));
    return isJsonObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

function about({ realm }: TokenRequest, { method, status }: Answer): RegistryErrorDetails {
  return { code: 'TOKEN_REFUSED', method, status, url: redactUrl(realm) };
}

function failure(request: TokenRequest, outcome: string, details: RegistryErrorDetails): RegistryError {
  const text = describe(request, outcome);
  return details.retryable === true ? new RegistryError(text, details) : new AuthenticationError(text, details);
}

function describe({ realm, registry, scopes }: TokenRequest, outcome: string): string {
  const scope = scopes.length === 0 ? 'no scope' : `scope ${printable(scopes.join(' '), 300)}`;
  return `asking the token server ${realm.host} for a token for ${registry} (${scope}) ended with ${outcome}`;
}

function signInHint({ credentials, registry }: TokenRequest): string {
  const login = `run registry-client login ${registry} or docker login`;
  return credentials ? `Check the username and password, or ${login}.` : `Give a username and password, or ${login}.`;
}
