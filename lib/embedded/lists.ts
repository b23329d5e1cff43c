import type { Descriptor } from '../oci/descriptor.js';
import { assertDigest } from '../oci/digest.js';
import { isIndex, type RawManifest } from '../oci/manifest.js';
import { MediaType } from '../oci/media-types.js';
import { unknownRepository } from './manifests.js';
import { jsonResponse, type RegistryResponse, type RoutedRequest } from './message.js';
import { pageOf } from './pages.js';
import type { Store } from './store.js';

/** `/v2/_catalog`, `/v2/<name>/tags/list` and `/v2/<name>/referrers/<digest>`. */
export class ListRoutes {
  constructor(private readonly store: Store) {}

  /** Source: distribution, "Listing Repositories" of its HTTP API V2. */
  async catalog({ query }: RoutedRequest): Promise<RegistryResponse> {
    const { names, headers } = pageOf(await this.store.listRepositories(), query, '/v2/_catalog');
    return jsonResponse(200, { repositories: names }, headers);
  }

  /** Source: distribution-spec v1.1, "Listing tags". */
  async tags({ repository, query }: RoutedRequest): Promise<RegistryResponse> {
    if (!(await this.store.hasRepository(repository))) throw unknownRepository(repository);
    const tags = await this.store.listTags(repository);
    const { names, headers } = pageOf(tags, query, `/v2/${repository}/tags/list`);
    return jsonResponse(200, { name: repository, tags: names }, headers);
  }

  /** An index, empty where nothing refers to the digest. Source: distribution-spec v1.1, "Listing Referrers". */
  async referrers({ repository, reference, query }: RoutedRequest): Promise<RegistryResponse> {
    const manifests = await this.store.listReferrers(repository, assertDigest(reference));
    const filter = query.get('artifactType');
    const descriptors = manifests.map(referrerOf).filter(({ artifactType }) => !filter || artifactType === filter);
    const index = { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: descriptors };
    return jsonResponse(200, index, filter ? { 'oci-filters-applied': 'artifactType' } : {}, MediaType.ociIndex);
  }
}

function referrerOf({ descriptor, manifest }: RawManifest): Descriptor {
  // An empty type counts as none.
  const artifactType = manifest.artifactType || (isIndex(manifest) ? '' : manifest.config.mediaType);
  return {
    ...descriptor,
    ...(artifactType === '' ? {} : { artifactType }),
    ...(manifest.annotations === undefined ? {} : { annotations: manifest.annotations }),
  };
}
