import { assertDigest } from '../oci/digest.js';
import { MediaType } from '../oci/media-types.js';
import type { RegistryResponse, RoutedRequest } from './message.js';
import { requestedRange } from './ranges.js';
import { Refusal } from './registry-error.js';
import type { BlobStore } from './store.js';

/** `/v2/<name>/blobs/<digest>`. Source: distribution-spec v1.1, "Pulling blobs", "Deleting Blobs". */
export class BlobRoutes {
  constructor(private readonly store: BlobStore) {}

  async get({ method, repository, reference, headers }: RoutedRequest): Promise<RegistryResponse> {
    const digest = assertDigest(reference);
    const blob = await this.store.getBlob(repository, digest);
    if (blob === undefined) throw unknownBlob(repository, digest);
    const { size } = blob;
    const shared = {
      'content-type': MediaType.octetStream,
      'docker-content-digest': digest,
      'accept-ranges': 'bytes',
    };
    // RFC 9110 section 14.2: Range means something for GET only.
    const range = method === 'GET' ? requestedRange(headers.range, size) : undefined;
    if (range === undefined) return { status: 200, headers: shared, body: { size, open: () => blob.read() } };
    return {
      status: 206,
      headers: { ...shared, 'content-range': `bytes ${range.start}-${range.end}/${size}` },
      body: { size: range.end - range.start + 1, open: () => blob.read(range) },
    };
  }

  async delete({ repository, reference }: RoutedRequest): Promise<RegistryResponse> {
    const digest = assertDigest(reference);
    if (!(await this.store.deleteBlob(repository, digest))) throw unknownBlob(repository, digest);
    return { status: 202, headers: {} };
  }
}

function unknownBlob(repository: string, digest: string): Refusal {
  return new Refusal('BLOB_UNKNOWN', `${repository} has no blob ${digest}`, { detail: { digest } });
}
