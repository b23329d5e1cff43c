import type { TarArchive } from './archive/tar-archive.js';
import type { ResolvedOptions } from './options.js';
import { BlobService } from './services/blob-service.js';
import { ManifestService } from './services/manifest-service.js';
import { RepositoryService } from './services/repository-service.js';
import type { Transport } from './transport/transport.js';

/** How the client makes a service. */
export type ServiceClass<Service> = new (transport: Transport, options: ResolvedOptions) => Service;

/** Classes to use in place of the package's own; subclasses need no decorator. */
export interface ServiceOverrides {
  /** Default: {@link BlobService}. */
  blobs?: ServiceClass<BlobService>;
  /** Default: {@link ManifestService}. */
  manifests?: ServiceClass<ManifestService>;
  /** Default: {@link RepositoryService}. */
  repositories?: ServiceClass<RepositoryService>;
  /** What archives are opened with; its static `open` must make it. Default: {@link TarArchive}. */
  tarArchive?: typeof TarArchive;
}

/** The services of a client over another transport than its own. */
export function servicesOver(
  transport: Transport,
  options: ResolvedOptions,
  services: ServiceOverrides = {},
): { blobs: BlobService; manifests: ManifestService; repositories: RepositoryService } {
  const { blobs = BlobService, manifests = ManifestService, repositories = RepositoryService } = services;
  return {
    blobs: new blobs(transport, options),
    manifests: new manifests(transport, options),
    repositories: new repositories(transport, options),
  };
}
