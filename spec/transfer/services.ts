import { BlobService } from '../../lib/services/blob-service.js';
import { ManifestService } from '../../lib/services/manifest-service.js';
import { RepositoryService } from '../../lib/services/repository-service.js';
import type { SurveyServices } from '../../lib/transfer/repository-survey.js';
import type { Transport } from '../../lib/transport/transport.js';

const OPTIONS = { url: new URL('http://registry.test/'), timeout: 10_000 };

/** The services of a client for `registry.test`. */
export function servicesOver(transport: Transport): SurveyServices {
  return {
    blobs: new BlobService(transport, OPTIONS),
    manifests: new ManifestService(transport, OPTIONS),
    repositories: new RepositoryService(transport, OPTIONS),
  };
}
