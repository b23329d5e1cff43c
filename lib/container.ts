import 'reflect-metadata';
import { Container } from 'inversify';
import { TarArchive } from './archive/tar-archive.js';
import { type RegistryClientOptions, type ResolvedOptions, resolveOptions } from './options.js';
import { BlobService } from './services/blob-service.js';
import { ManifestService } from './services/manifest-service.js';
import { RepositoryService } from './services/repository-service.js';
import type { ServiceClass, ServiceOverrides } from './service-overrides.js';
import { TOKENS } from './tokens.js';
import { AuthTransport } from './transport/auth-transport.js';
import { AxiosTransport } from './transport/axios-transport.js';
import { ConcealingTransport } from './transport/concealing-transport.js';
import { dockerConfigCredentials } from './transport/docker-config.js';
import { LoggingTransport } from './transport/logging-transport.js';
import { RedirectTransport } from './transport/redirect-transport.js';
import { RetryTransport } from './transport/retry-transport.js';
import { TargetGuard } from './transport/target-guard.js';
import { TracingTransport } from './transport/tracing-transport.js';
import type { Transport } from './transport/transport.js';

export { TOKENS } from './tokens.js';

/**
 * Everything a client is made of, bound but not yet built: rebind a token before you make the client from it.
 * @throws InvalidArgumentError when an option cannot be right
 */
export function createContainer(options: RegistryClientOptions = {}, services: ServiceOverrides = {}): Container {
  const container = new Container({ defaultScope: 'Singleton' });
  container.bind(TOKENS.Options).toConstantValue(resolveOptions(options));
  container.bind(TOKENS.Transport).toResolvedValue(createTransport, [TOKENS.Options]);
  bindService(container, TOKENS.BlobService, services.blobs ?? BlobService);
  bindService(container, TOKENS.ManifestService, services.manifests ?? ManifestService);
  bindService(container, TOKENS.RepositoryService, services.repositories ?? RepositoryService);
  container.bind(TOKENS.TarArchive).toConstantValue(services.tarArchive ?? TarArchive);
  return container;
}

/** By factory: `.to(Sub)` builds a subclass without a constructor of its own silently with no arguments (inversify 8.2). */
function bindService<Service>(container: Container, token: symbol, Class: ServiceClass<Service>): void {
  const create = (transport: Transport, options: ResolvedOptions): Service => new Class(transport, options);
  container.bind(token).toResolvedValue(create, [TOKENS.Transport, TOKENS.Options]);
}

/**
 * Retries go round redirects, so that an expired storage address is asked for anew at the registry; redirects go round
 * credentials, so that every hop is judged by its own origin.
 */
function createTransport(options: ResolvedOptions): Transport {
  const { url, credentials = dockerConfigCredentials(), log, retry } = options;
  const bottom = new TracingTransport(options.transport ?? createAxiosTransport(options));
  const logged = log ? new LoggingTransport(bottom, log) : bottom;
  const guarded = new TargetGuard(logged, url);
  const tokens = new RetryTransport(new RedirectTransport(guarded), retry);
  const authenticated = new AuthTransport(new ConcealingTransport(guarded), {
    registry: url,
    credentials,
    tokens,
    ...(log ? { log } : {}),
  });
  return new RetryTransport(new RedirectTransport(authenticated), retry);
}

/** With a connection for everything that is sent at once, and one for what comes in between. */
function createAxiosTransport(options: ResolvedOptions): AxiosTransport {
  const { insecure, idleTimeout, responseTimeout, concurrency } = options;
  const maxSockets = Math.max(30, concurrency + 1);
  const maxTotalSockets = Math.max(100, maxSockets);
  return new AxiosTransport({ insecure, idleTimeout, responseTimeout, maxSockets, maxTotalSockets });
}
