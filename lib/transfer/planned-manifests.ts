import type { Descriptor } from '../oci/descriptor.js';
import type { RawManifest } from '../oci/manifest.js';
import type { ManifestOutlet } from './push.js';
import type { RequestCount } from './request-count.js';

/** Where a registry has no API for referrers, the list of the subject is fetched and stored. */
const LISTING = 2;

/** Manifests that go nowhere: it keeps where each would go. */
export class PlannedManifests implements ManifestOutlet {
  private readonly pushed = new Set<string>();

  constructor(private readonly requests: RequestCount) {}

  push(repository: string, reference: string, { descriptor, manifest }: RawManifest): Promise<Descriptor> {
    this.pushed.add(`${repository}:${reference}`);
    this.requests.add(1, manifest.subject ? 1 + LISTING : 1);
    return Promise.resolve(descriptor);
  }

  /** Whether a tag would be set. */
  has(repository: string, reference: string): boolean {
    return this.pushed.has(`${repository}:${reference}`);
  }
}
