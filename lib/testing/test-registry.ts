import type { RegistryCredentials } from '../embedded/authorization.js';
import { BasicAuth } from '../embedded/basic-auth.js';
import { BearerAuth } from '../embedded/bearer-auth.js';
import { EmbeddedTransport } from '../embedded/embedded-transport.js';
import type { Fault } from '../embedded/fault.js';
import { Faults } from '../embedded/faults.js';
import { RegistryServer } from '../embedded/http-server.js';
import type { RegistryHandler } from '../embedded/message.js';
import { Personality, type PersonalityName } from '../embedded/personality.js';
import { EmbeddedRegistry } from '../embedded/registry.js';
import type { Store } from '../embedded/store.js';
import { InvalidArgumentError } from '../errors.js';
import type { RegistryClientConfig } from '../client-options.js';
import { RegistryClient } from '../registry-client.js';

/** How the registry of a test is to be. Every field may be left out. */
export interface TestRegistryOptions {
  /** `bearer` brings a token server with it, under `/token`. Default `none`. */
  auth?: 'none' | 'basic' | 'bearer';
  /** With `auth`. Default `test`; `AWS` for the personality `ecr`, as there. */
  username?: string;
  /** With `auth`. Default `test-password`. */
  password?: string;
  /** With `auth: 'bearer'`: what the user may do at most, for example `['pull']`. Default: everything. */
  actions?: readonly string[];
  /** With `auth: 'bearer'`: seconds a token is good for. Default 300. */
  tokenLifetime?: number;
  /** What goes wrong, and when. They come before authentication, so they see requests that are refused, and those for tokens. */
  faults?: readonly Fault[];
  /** The registry to behave like. Default: the OCI distribution spec. */
  personality?: PersonalityName;
  /** Where content is kept. Default: a fresh `MemoryStore`. */
  store?: Store;
  /** `false` for a registry in this process only, which nothing but its own clients can reach. Default `true`. */
  sockets?: boolean;
  /** On 127.0.0.1. Default: any free one. */
  port?: number;
}

interface Parts {
  credentials: RegistryCredentials | undefined;
  bearer: BearerAuth | undefined;
  faults: Faults;
  server: RegistryServer | undefined;
}

/** A registry for one test, or a file of tests. */
export class TestRegistry {
  /** `http://127.0.0.1:port`, without a slash at the end; without sockets a name that only its own clients understand. */
  readonly url: string;
  /** Who is let in; undefined with `auth: 'none'`. */
  readonly credentials: RegistryCredentials | undefined;
  /** What went wrong (`fired`) and what did not yet (`pending`). */
  readonly faults: Pick<Faults, 'fired' | 'pending'>;
  private readonly clients: RegistryClient[] = [];

  private constructor(private readonly parts: Parts) {
    this.url = parts.server?.url ?? 'http://registry.test';
    this.credentials = parts.credentials;
    this.faults = parts.faults;
  }

  static async start(options: TestRegistryOptions): Promise<TestRegistry> {
    const { faults: list = [], personality, store, sockets = true, port = 0 } = options;
    const registry = new EmbeddedRegistry(store === undefined ? {} : { store });
    const inner = personality === undefined ? registry : new Personality(registry, personality);
    const { handler, credentials, bearer } = guarded(inner, options);
    const faults = new Faults(handler, list);
    const server = sockets ? await RegistryServer.start({ handler: faults, port }) : undefined;
    return new TestRegistry({ credentials, bearer, faults, server });
  }

  /**
   * A client that knows the address and the credentials. It repeats requests as often as any other, but waits only a few
   * milliseconds in between unless the registry asks for more, and remembers nothing on disk. It is closed with the registry.
   */
  client(options: RegistryClientConfig = {}): RegistryClient {
    const { faults, server } = this.parts;
    const client = new RegistryClient({
      url: this.url,
      credentials: this.credentials ?? 'anonymous',
      cache: false,
      ...(server === undefined ? { transport: new EmbeddedTransport(faults) } : {}),
      ...options,
      retry: { baseDelay: 5, ...options.retry },
    });
    this.clients.push(client);
    return client;
  }

  /**
   * Every token given out so far is refused from now on, as when it expires in the middle of a push.
   * @throws InvalidArgumentError without `auth: 'bearer'`
   */
  expireTokens(): void {
    if (this.parts.bearer === undefined) throw new InvalidArgumentError("there are no tokens without auth: 'bearer'");
    this.parts.bearer.expireTokens();
  }

  /** Closes its clients, ends what a fault holds up, and frees the port. A second time does nothing. */
  async close(): Promise<void> {
    this.parts.faults.close();
    await Promise.all(this.clients.splice(0).map((client) => client.close()));
    await this.parts.server?.close();
  }

  /** For `await using`: as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Starts a registry for tests: whole, empty, in memory, on a free port of this machine.
 *
 * ```ts
 * const registry = await startTestRegistry({ auth: 'bearer', faults: [{ on: 'PUT', status: 503 }] });
 * await registry.client().push('app.tar', 'team/app:1.0');
 * await registry.close();
 * ```
 * @throws InvalidArgumentError when an option cannot be right; the system's error when it cannot listen
 */
export function startTestRegistry(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  return TestRegistry.start(options);
}

interface Guarded {
  handler: RegistryHandler;
  credentials: RegistryCredentials | undefined;
  bearer: BearerAuth | undefined;
}

function guarded(inner: RegistryHandler, options: TestRegistryOptions): Guarded {
  const { auth = 'none', username = options.personality === 'ecr' ? 'AWS' : 'test', actions, tokenLifetime } = options;
  checkAuth(auth, options);
  if (auth === 'none') return { handler: inner, credentials: undefined, bearer: undefined };
  const credentials = { username, password: options.password ?? 'test-password' };
  if (auth === 'basic') return { handler: new BasicAuth(inner, credentials), credentials, bearer: undefined };
  const limits = { ...(actions && { actions }), ...(tokenLifetime !== undefined && { tokenLifetime }) };
  const bearer = new BearerAuth(inner, { credentials, ...limits });
  return { handler: bearer, credentials, bearer };
}

function checkAuth(auth: string, options: TestRegistryOptions): void {
  if (!['none', 'basic', 'bearer'].includes(auth)) {
    throw new InvalidArgumentError(`the option auth is "${auth}"`, { hint: "It takes 'none', 'basic' or 'bearer'." });
  }
  const perAuth = { none: ['username', 'password', 'actions', 'tokenLifetime'], basic: ['actions', 'tokenLifetime'] };
  const useless = auth === 'bearer' ? [] : perAuth[auth as keyof typeof perAuth];
  const given = useless.find((name) => options[name as keyof TestRegistryOptions] !== undefined);
  if (given !== undefined) throw new InvalidArgumentError(`the option ${given} means nothing with auth: '${auth}'`);
}
