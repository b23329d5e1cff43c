import { createPrivateKey, randomUUID, sign, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TokenAuth } from './registry-process.js';

const FIXTURE = new URL('../fixtures/token/', import.meta.url);
const KEY = createPrivateKey(readFileSync(new URL('key.pem', FIXTURE)));
const CERTIFICATE = new X509Certificate(readFileSync(new URL('certificate.pem', FIXTURE)));

/** What a token allows on one resource. Source: distribution `spec/auth/jwt.md`, "access". */
export interface Access {
  type: string;
  name: string;
  actions: readonly string[];
}

export interface TokenServerOptions {
  /** Password and, where not everything is allowed, the allowed actions of each user. Default: `TOKEN_CREDENTIALS`. */
  users?: Readonly<Record<string, { password: string; actions?: readonly string[] }>>;
  /** What somebody without credentials may do. Default `['pull']`. */
  anonymous?: readonly string[];
}

/** The user that every token server knows unless told otherwise; may do everything. */
export const TOKEN_CREDENTIALS = { username: 'alice', password: 'alice:päss word' } as const;

/** One request that reached the token server. */
export interface TokenRequest {
  method: string;
  /** Who asked; absent for anonymous requests. */
  account?: string;
  service: string | null;
  /** Scopes as asked for, one per resource. */
  scopes: readonly string[];
  grantType?: string | null;
  /** What was answered. */
  status: number;
}

type Answer = [status: number, body: object];

/**
 * A token server as distribution describes it in `spec/auth/token.md` (GET) and `spec/auth/oauth.md` (POST). Its fields may
 * be changed at any time, and count for the next request.
 */
export class TokenServer {
  readonly service = 'spec-registry';
  readonly issuer = 'spec-token-server';
  /** Every request so far. */
  readonly requests: TokenRequest[] = [];
  /** Seconds that answers announce as `expires_in`; the field is left out when undefined. */
  expiresIn: number | undefined = 300;
  /** How many of the next tokens are already expired, so that the registry refuses them. */
  deadTokens = 0;
  /** Statuses to answer the next requests with, instead of a token. */
  readonly nextStatuses: number[] = [];
  /** Waits so long before it answers, so that requests overlap. */
  delayMs = 0;
  /** What POST gets: OAuth2, or the status with which servers without it refuse (404, 401, 400, 405). */
  oauth2: true | number = true;

  private readonly refreshTokens = new Map<string, string>();

  private constructor(
    private readonly server: Server,
    private readonly options: TokenServerOptions,
  ) {}

  static async start(options: TokenServerOptions = {}): Promise<TokenServer> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const tokens = new TokenServer(server, options);
    server.on('request', (request, response) => void tokens.handle(request, response));
    return tokens;
  }

  /** What clients are sent to. */
  get realm(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/token`;
  }

  /** The registry's side of the agreement. */
  get auth(): TokenAuth {
    return { realm: this.realm, service: this.service, issuer: this.issuer };
  }

  /** A refresh token, as `docker login` keeps it as `identitytoken`. */
  refreshTokenFor(username: string): string {
    const token = `refresh-${randomUUID()}`;
    this.refreshTokens.set(token, username);
    return token;
  }

  /** A signed token. @param lifetime - seconds from now; distribution forgives 60 after the end */
  mint(access: readonly Access[], subject = '', lifetime = 300): string {
    const now = Math.floor(Date.now() / 1000);
    const header = { typ: 'JWT', alg: 'ES256', x5c: [CERTIFICATE.raw.toString('base64')] };
    const validity = { exp: now + lifetime, nbf: now - 3600, iat: now, jti: randomUUID() };
    const claims = { iss: this.issuer, sub: subject, aud: this.service, ...validity, access };
    const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    const signature = sign('sha256', Buffer.from(signed), { key: KEY, dsaEncoding: 'ieee-p1363' });
    return `${signed}.${signature.toString('base64url')}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    await sleep(this.delayMs);
    const forced = this.nextStatuses.shift();
    const query = new URL(request.url ?? '/', this.realm).searchParams;
    const form = request.method === 'POST' ? new URLSearchParams(body) : undefined;
    const asked = form === undefined ? askedByGet(request, query) : askedByPost(form);
    const [status, answer] = forced === undefined ? this.answer(request, query, form) : [forced, refusal('forced')];
    this.requests.push({ ...asked, status });
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  }

  private answer(request: IncomingMessage, query: URLSearchParams, form: URLSearchParams | undefined): Answer {
    if (form === undefined) return this.answerGet(request, query);
    return this.oauth2 === true ? this.answerPost(form) : [this.oauth2, refusal('no OAuth2 here')];
  }

  private answerGet(request: IncomingMessage, query: URLSearchParams): Answer {
    const credentials = basicCredentials(request);
    if (credentials !== undefined && !this.accepts(credentials)) return [401, refusal('wrong credentials')];
    const token = this.grant(scopesOf(query), credentials?.username);
    const offline = query.get('offline_token') === 'true' && credentials !== undefined;
    const refresh = offline ? { refresh_token: this.refreshTokenFor(credentials.username) } : {};
    return [200, { token, access_token: token, ...this.validity(), ...refresh }];
  }

  private answerPost(form: URLSearchParams): Answer {
    if (!form.get('client_id') || !form.get('service')) return [400, { error: 'invalid_request' }];
    const username = this.userOf(form);
    if (username === undefined) return [401, { error: 'invalid_grant' }];
    const scopes = scopesOf(form);
    const kept = form.get('refresh_token');
    const refresh = kept ?? (form.get('access_type') === 'offline' ? this.refreshTokenFor(username) : undefined);
    const access_token = this.grant(scopes, username);
    return [200, { access_token, scope: scopes.join(' '), ...this.validity(), refresh_token: refresh }];
  }

  private userOf(form: URLSearchParams): string | undefined {
    if (form.get('grant_type') === 'refresh_token') return this.refreshTokens.get(form.get('refresh_token') ?? '');
    const username = form.get('username') ?? '';
    const known = this.accepts({ username, password: form.get('password') ?? '' });
    return form.get('grant_type') === 'password' && known ? username : undefined;
  }

  private accepts({ username, password }: { username: string; password: string }): boolean {
    const users = this.users();
    return Object.hasOwn(users, username) && users[username]!.password === password;
  }

  private users(): NonNullable<TokenServerOptions['users']> {
    return this.options.users ?? { [TOKEN_CREDENTIALS.username]: { password: TOKEN_CREDENTIALS.password } };
  }

  /** Grants what is allowed of what was asked: less than asked is still a 200. Source: `spec/auth/token.md`. */
  private grant(scopes: readonly string[], username: string | undefined): string {
    const allowed = username === undefined ? (this.options.anonymous ?? ['pull']) : this.users()[username]?.actions;
    const access = scopes.map(parseScope).map(({ actions, ...resource }) => ({
      ...resource,
      actions: actions.filter((action) => allowed === undefined || allowed.includes(action)),
    }));
    const dead = this.deadTokens > 0;
    if (dead) this.deadTokens -= 1;
    return this.mint(access, username, dead ? -3600 : undefined);
  }

  private validity() {
    const expires = this.expiresIn === undefined ? {} : { expires_in: this.expiresIn };
    return { ...expires, issued_at: new Date().toISOString() };
  }
}

function askedByGet(request: IncomingMessage, query: URLSearchParams): Omit<TokenRequest, 'status'> {
  const account = basicCredentials(request)?.username;
  const asked = { method: request.method ?? '', service: query.get('service'), scopes: scopesOf(query) };
  return account === undefined ? asked : { ...asked, account };
}

function askedByPost(form: URLSearchParams): Omit<TokenRequest, 'status'> {
  const account = form.get('username');
  const grantType = form.get('grant_type');
  const asked = { method: 'POST', service: form.get('service'), scopes: scopesOf(form), grantType };
  return account === null ? asked : { ...asked, account };
}

/** Several `scope` parameters, each of which may hold several scopes with spaces between them. */
function scopesOf(parameters: URLSearchParams): string[] {
  return parameters.getAll('scope').flatMap((scope) => scope.split(' ').filter((part) => part !== ''));
}

/** `type:name:action,action`; the name may hold a colon itself. */
function parseScope(scope: string): Access {
  const [first, last] = [scope.indexOf(':'), scope.lastIndexOf(':')];
  return { type: scope.slice(0, first), name: scope.slice(first + 1, last), actions: scope.slice(last + 1).split(',') };
}

function basicCredentials(request: IncomingMessage): { username: string; password: string } | undefined {
  const encoded = /^Basic (.*)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const pair = Buffer.from(encoded, 'base64').toString();
  const colon = pair.indexOf(':');
  return { username: pair.slice(0, colon), password: pair.slice(colon + 1) };
}

function refusal(message: string): object {
  return { errors: [{ code: 'UNAUTHORIZED', message }] };
}
