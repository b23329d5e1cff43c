import {
  basicCredentials,
  checkCredentials,
  isSameUser,
  type RegistryCredentials,
  unauthorized,
} from './authorization.js';
import type { RegistryHandler, RegistryRequest, RegistryResponse } from './message.js';

const CHALLENGE = 'Basic realm="registry", charset="UTF-8"';

/** A registry that only one user gets into, with `Authorization: Basic`. Source: RFC 7617. */
export class BasicAuth implements RegistryHandler {
  private readonly credentials: RegistryCredentials;

  /** @throws InvalidArgumentError for a username that Basic cannot carry. */
  constructor(
    private readonly inner: RegistryHandler,
    credentials: RegistryCredentials,
  ) {
    this.credentials = checkCredentials(credentials);
  }

  async handle(request: RegistryRequest): Promise<RegistryResponse> {
    const given = basicCredentials(request.headers.authorization);
    if (given === undefined) return unauthorized(request, CHALLENGE, 'authentication required');
    if (!isSameUser(this.credentials, given)) return unauthorized(request, CHALLENGE, 'wrong user or password');
    return this.inner.handle(request);
  }
}
