import { type Access, accessNeeded, covers, formatScope } from './access.js';
import { unauthorized } from './authorization.js';
import type { RegistryHandler, RegistryRequest, RegistryResponse } from './message.js';
import { errorResponse } from './registry-error.js';
import { seal } from './seal.js';
import { TokenEndpoint, type TokenEndpointOptions } from './token-endpoint.js';

const TOKEN_PATH = '/token';

/**
 * A registry that takes Bearer tokens only, and beside it, under `/token`, the token server it sends clients to.
 * Source: distribution `docs/content/spec/auth/token.md`.
 */
export class BearerAuth implements RegistryHandler {
  private readonly tokens: TokenEndpoint;

  /** @throws InvalidArgumentError when an option cannot be right. */
  constructor(
    private readonly inner: RegistryHandler,
    options: TokenEndpointOptions,
  ) {
    this.tokens = new TokenEndpoint(options);
  }

  async handle(request: RegistryRequest): Promise<RegistryResponse> {
    if (request.target.split('?', 1)[0] === TOKEN_PATH) return this.tokens.handle(request);
    return this.refusalOf(request) ?? this.inner.handle(request);
  }

  /** Every token given out so far is refused from now on, as when it expires in the middle of a push. */
  expireTokens(): void {
    this.tokens.expireTokens();
  }

  private refusalOf(request: RegistryRequest): RegistryResponse | undefined {
    try {
      const needed = accessNeeded(request.method, request.target);
      const token = /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
      if (token === undefined) return this.challenge(request, needed, 'authentication required');
      const granted = this.tokens.accessOf(token);
      if (granted === undefined) return this.challenge(request, needed, 'the token is not valid', 'invalid_token');
      if (covers(granted, needed)) return undefined;
      return this.challenge(request, needed, 'the token does not allow this', 'insufficient_scope');
    } catch (error) {
      return seal(request, errorResponse(error));
    }
  }

  /** Errors: RFC 6750 section 3.1. */
  private challenge(
    request: RegistryRequest,
    needed: readonly Access[],
    message: string,
    error?: string,
  ): RegistryResponse {
    const parameters = {
      realm: realmOf(request),
      service: this.tokens.service,
      ...(needed.length > 0 ? { scope: needed.map(formatScope).join(' ') } : {}),
      ...(error === undefined ? {} : { error }),
    };
    const list = Object.entries(parameters).map(([name, value]) => `${name}="${value}"`);
    return unauthorized(request, `Bearer ${list.join(',')}`, message);
  }
}

/** Absolute where the host is known, because most clients need that; in-process there is none. */
function realmOf({ headers }: RegistryRequest): string {
  const isHost = /^[\w.:[\]-]+$/.test(headers.host ?? '');
  return isHost ? `http://${headers.host}${TOKEN_PATH}` : TOKEN_PATH;
}
