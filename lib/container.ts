/**
 * What a client is made of, to be bound anew before the client is made: with inversify, for what `services` and `transport` among
 * the client's options do not reach.
 * @module registry-api-v2-client/container
 */
import 'reflect-metadata';
import { Container } from 'inversify';
import { TarArchive } from './archive/tar-archive.js';
import { type RegistryClientOptions, type ResolvedOptions, resolveOptions } from './options.js';
import { BlobService } from './services/blob-service.js';
import { ManifestService } from './services/manifest-service.js';
import { RepositoryService } from './services/repository-service.js';
import type { ServiceClass, ServiceOverrides } from './service-overrides.js';
import { TOKENS } from './tokens.js';
import type { ConnectionSettings } from './transport/agents.js';
import { AuthTransport } from './transport/auth-transport.js';
import { AxiosTransport } from './transport/axios-transport.js';
import { ConcealingTransport } from './transport/concealing-transport.js';
import { dockerConfigCredentials } from './transport/docker-config.js';
import { HeaderTransport } from './transport/header-transport.js';
import { LoggingTransport } from './transport/logging-transport.js';
import { MirrorTransport } from './transport/mirror-transport.js';
import { PacedTransport } from './transport/paced-transport.js';
import { RedirectTransport } from './transport/redirect-transport.js';
import { RetryTransport } from './transport/retry-transport.js';
import { TargetGuard } from './transport/target-guard.js';
import { TracingTransport } from './transport/tracing-transport.js';
import type { Transport } from './transport/transport.js';

export { TOKENS } from './tokens.js';

/**
 * Everything a client is made of, bound but not yet built: rebind a token before you take a service from it (samples/rebind-a-part.ts).
 * @throws InvalidArgumentError when an option cannot be right
 */
export function createContainer(options: RegistryClientOptions = {}, services: ServiceOverrides = {}): Container {
  const container = new Container({ defaultScope: 'Singleton' });
  container.bind(TOKENS.Options).toConstantValue(resolveOptions(options));
  container.bind(TOKENS.BottomTransport).toResolvedValue(createBottom, [TOKENS.Options]);
  container.bind(TOKENS.Transport).toResolvedValue(signedIn, [TOKENS.Options, TOKENS.BottomTransport]);
  bindService(container, TOKENS.BlobService, services.blobs ?? BlobService);
  bindService(container, TOKENS.ManifestService, services.manifests ?? ManifestService);
  bindService(container, TOKENS.RepositoryService, services.repositories ?? RepositoryService);
  bindReading(container, services);
  container.bind(TOKENS.TarArchive).toConstantValue(services.tarArchive ?? TarArchive);
  return container;
}

/** By factory: `.to(Sub)` builds a subclass without a constructor of its own silently with no arguments (inversify 8.2). */
function bindService<Service>(container: Container, token: symbol, Class: ServiceClass<Service>): void {
  const create = (transport: Transport, options: ResolvedOptions): Service => new Class(transport, options);
  container.bind(token).toResolvedValue(create, [TOKENS.Transport, TOKENS.Options]);
}

/** Without mirrors all of it is what everybody else uses. */
function bindReading(
  container: Container,
  { blobs = BlobService, manifests = ManifestService }: ServiceOverrides,
): void {
  const { Options, BottomTransport, Transport, ReadingTransport } = TOKENS;
  container.bind(ReadingTransport).toResolvedValue(createReadingTransport, [Options, BottomTransport, Transport]);
  container.bind(TOKENS.ReadServices).toResolvedValue(
    (ownBlobs: BlobService, ownManifests: ManifestService, transport: Transport, options: ResolvedOptions) => {
      if (options.mirrors.length === 0) return { blobs: ownBlobs, manifests: ownManifests };
      return { blobs: new blobs(transport, options), manifests: new manifests(transport, options) };
    },
    [TOKENS.BlobService, TOKENS.ManifestService, ReadingTransport, Options],
  );
}

/** For reading: mirrors first. They are the transport of the registry where there are none. */
function createReadingTransport(options: ResolvedOptions, bottom: Transport, registry: Transport): Transport {
  const { mirrors, url, log } = options;
  if (mirrors.length === 0) return registry;
  // What a mirror does not give at once, the next one or the registry gives; nobody waits for the pause it asks for.
  const retry = { retries: 0, baseDelay: 0, maxRetryAfter: 0 };
  const asked = mirrors.map((mirror) => ({ url: mirror.url, transport: signedIn({ ...mirror, retry, log }, bottom) }));
  return new MirrorTransport(registry, url, asked, log);
}

type Address = Pick<ResolvedOptions, 'url' | 'credentials' | 'retry' | 'log'>;

/**
 * Retries go round redirects, so that an expired storage address is asked for anew at the registry; redirects go round
 * credentials, so that every hop is judged by its own origin.
 */
function signedIn({ url, credentials = dockerConfigCredentials(), retry, log }: Address, bottom: Transport): Transport {
  const guarded = new TargetGuard(bottom, url);
  const tokens = new RetryTransport(new RedirectTransport(guarded), retry);
  const authenticated = new AuthTransport(new ConcealingTransport(guarded), {
    registry: url,
    credentials,
    tokens,
    ...(log ? { log } : {}),
  });
  return new RetryTransport(new RedirectTransport(authenticated), retry);
}

/** Single requests, each with what its host wants, and at its pace. */
function createBottom(options: ResolvedOptions): Transport {
  const { log, hosts } = options;
  const sending = new TracingTransport(options.transport ?? createAxiosTransport(options));
  const logged = log ? new LoggingTransport(sending, log) : sending;
  const paced = new PacedTransport(logged, (url) => hosts.requestsPerSecond(url));
  return new HeaderTransport(paced, (url) => hosts.headers(url));
}

/** With a connection for everything that is sent at once, and one for what comes in between. */
function createAxiosTransport(options: ResolvedOptions): AxiosTransport {
  const { hosts, idleTimeout, responseTimeout, concurrency } = options;
  const maxSockets = Math.max(30, concurrency + 1);
  const maxTotalSockets = Math.max(100, maxSockets);
  const settingsOf = (url: URL): ConnectionSettings => hosts.connection(url);
  return new AxiosTransport({ settingsOf, idleTimeout, responseTimeout, maxSockets, maxTotalSockets });
}
