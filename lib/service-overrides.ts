import type { TarArchive } from './archive/tar-archive.js';
import type { ResolvedOptions } from './options.js';
import type { BlobService } from './services/blob-service.js';
import type { ManifestService } from './services/manifest-service.js';
import type { RepositoryService } from './services/repository-service.js';
import type { Transport } from './transport/transport.js';

/** How the client makes a service. */
export type ServiceClass<Service> = new (transport: Transport, options: ResolvedOptions) => Service;

/** Classes to use in place of the package's own; subclasses need no decorator. */
export interface ServiceOverrides {
  blobs?: ServiceClass<BlobService>;
  manifests?: ServiceClass<ManifestService>;
  repositories?: ServiceClass<RepositoryService>;
  tarArchive?: typeof TarArchive;
}
