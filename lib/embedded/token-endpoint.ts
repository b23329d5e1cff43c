import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { InvalidArgumentError } from '../errors.js';
import { type Access, formatScope, parseScope } from './access.js';
import { basicCredentials, checkCredentials, isSameUser, type RegistryCredentials } from './authorization.js';
import {
  chunksOf,
  jsonResponse,
  type RegistryHandler,
  type RegistryRequest,
  type RegistryResponse,
} from './message.js';
import { errorResponse, Refusal } from './registry-error.js';
import { seal } from './seal.js';

/** Whom a token server knows, and what its tokens are good for. */
export interface TokenEndpointOptions {
  /** The one user it knows. */
  credentials: RegistryCredentials;
  /** What the user may do at most, for example `['pull']`. Default: everything. */
  actions?: readonly string[];
  /** Seconds a token is good for. Default 300, as at Docker Hub. */
  tokenLifetime?: number;
}

interface Token {
  access: readonly Access[];
  /** Milliseconds since 1970. */
  expires: number;
}

interface Grant {
  access_token: string;
  scope: string;
  /** Seconds. */
  expires_in: number;
  issued_at: string;
}

const MAX_FORM = 64 * 1024;

/**
 * Gives out tokens for a registry: `GET` with Basic, `POST` as OAuth2 with a password or a refresh token.
 * Sources: distribution `docs/content/spec/auth/token.md`, `oauth.md`.
 */
export class TokenEndpoint implements RegistryHandler {
  /** The name of the registry, which clients must repeat. */
  readonly service = 'registry';
  private readonly tokens = new Map<string, Token>();
  private readonly refreshTokens = new Set<string>();
  private readonly credentials: RegistryCredentials;
  private readonly actions: readonly string[] | undefined;
  private readonly lifetime: number;

  /** @throws InvalidArgumentError when an option cannot be right. */
  constructor({ credentials, actions, tokenLifetime = 300 }: TokenEndpointOptions) {
    if (!(tokenLifetime > 0)) throw new InvalidArgumentError('tokenLifetime must be a number of seconds above 0');
    this.credentials = checkCredentials(credentials);
    this.actions = actions;
    this.lifetime = tokenLifetime;
  }

  async handle(request: RegistryRequest): Promise<RegistryResponse> {
    try {
      return seal(request, await this.answer(request));
    } catch (error) {
      if (request.body.readableAborted) throw error;
      return seal(request, errorResponse(error));
    }
  }

  /** What a token allows; undefined when it has expired or never was one. */
  accessOf(token: string): readonly Access[] | undefined {
    const found = this.tokens.get(token);
    return found !== undefined && found.expires > Date.now() ? found.access : undefined;
  }

  /** Every token given out so far is refused from now on. Refresh tokens stay. */
  expireTokens(): void {
    this.tokens.clear();
  }

  private async answer(request: RegistryRequest): Promise<RegistryResponse> {
    if (request.method === 'POST') return this.answerPost(new URLSearchParams(await readForm(request.body)));
    if (request.method === 'GET') return this.answerGet(request);
    throw new Refusal('UNSUPPORTED', 'tokens are asked for with GET or POST', { headers: { allow: 'GET, POST' } });
  }

  private answerGet({ headers, target }: RegistryRequest): RegistryResponse {
    const { searchParams: query } = new URL(target, 'http://registry');
    const given = basicCredentials(headers.authorization);
    if (!given || !isSameUser(this.credentials, given)) throw refused();
    this.assertService(query);
    const refresh = query.get('offline_token') === 'true' ? { refresh_token: this.createRefreshToken() } : {};
    const { access_token, ...grant } = this.grant(query);
    return jsonResponse(200, { token: access_token, access_token, ...grant, ...refresh });
  }

  private answerPost(form: URLSearchParams): RegistryResponse {
    this.assertService(form);
    if (!form.get('client_id')) throw new Refusal('UNAUTHORIZED', 'client_id is required', { status: 400 });
    if (!this.isKnown(form)) throw refused();
    const kept = form.get('refresh_token');
    const refresh = kept ?? (form.get('access_type') === 'offline' ? this.createRefreshToken() : undefined);
    return jsonResponse(200, { ...this.grant(form), ...(refresh === undefined ? {} : { refresh_token: refresh }) });
  }

  private isKnown(form: URLSearchParams): boolean {
    const given = { username: form.get('username') ?? '', password: form.get('password') ?? '' };
    if (form.get('grant_type') === 'refresh_token') return this.refreshTokens.has(form.get('refresh_token') ?? '');
    return form.get('grant_type') === 'password' && isSameUser(this.credentials, given);
  }

  /** Grants what is allowed of what was asked: less than asked is still a token. Source: `token.md`. */
  private grant(asked: URLSearchParams): Grant {
    const access = scopesOf(asked).map(({ actions, ...resource }) => ({
      ...resource,
      actions: actions.filter((action) => this.actions === undefined || this.actions.includes(action)),
    }));
    const access_token = randomUUID();
    const now = Date.now();
    for (const [token, { expires }] of this.tokens) if (expires <= now) this.tokens.delete(token);
    this.tokens.set(access_token, { access, expires: now + this.lifetime * 1000 });
    const scope = access.map(formatScope).join(' ');
    return { access_token, scope, expires_in: this.lifetime, issued_at: new Date(now).toISOString() };
  }

  private createRefreshToken(): string {
    const token = randomUUID();
    this.refreshTokens.add(token);
    return token;
  }

  private assertService(asked: URLSearchParams): void {
    if (asked.get('service') === this.service) return;
    throw new Refusal('UNAUTHORIZED', `this gives out tokens for the service ${this.service}`, { status: 400 });
  }
}

/** Several `scope` parameters (GET), each of which may hold several scopes with spaces between them (POST). */
function scopesOf(asked: URLSearchParams): Access[] {
  const scopes = asked.getAll('scope').flatMap((scope) => scope.split(' '));
  return scopes.flatMap((scope) => parseScope(scope) ?? []);
}

async function readForm(body: Readable): Promise<string> {
  let form = '';
  for await (const chunk of chunksOf(body)) {
    form += chunk.toString('latin1');
    if (form.length > MAX_FORM) throw new Refusal('UNAUTHORIZED', 'the form is too long', { status: 413 });
  }
  return form;
}

function refused(): Refusal {
  return new Refusal('UNAUTHORIZED', 'wrong user, password or refresh token', { status: 401 });
}
