import type { Readable } from 'node:stream';
import type { Descriptor } from '../oci/descriptor.js';
import { algorithmOf, assertDigest, digestOf, isDigest } from '../oci/digest.js';
import { isIndex, type Manifest, MAX_MANIFEST_SIZE, parseManifest, type RawManifest } from '../oci/manifest.js';
import { bareMediaType, isManifestMediaType } from '../oci/media-types.js';
import { assertTag, assertTagOrDigest, isTag } from '../oci/reference.js';
import { printable } from '../redact.js';
import { bodyOf, chunksOf, type RegistryResponse, type RoutedRequest } from './message.js';
import { Refusal } from './registry-error.js';
import type { Store } from './store.js';

/** `/v2/<name>/manifests/<reference>`. Source: distribution-spec v1.1, "Pulling manifests", "Pushing Manifests". */
export class ManifestRoutes {
  constructor(private readonly store: Store) {}

  async get({ repository, reference }: RoutedRequest): Promise<RegistryResponse> {
    const digest = await this.resolve(repository, reference);
    const found = digest === undefined ? undefined : await this.store.getManifest(repository, digest);
    if (found === undefined) throw await this.unknown(repository, reference);
    const headers = {
      'content-type': found.descriptor.mediaType,
      'docker-content-digest': found.descriptor.digest,
    };
    return { status: 200, headers, body: bodyOf(found.bytes) };
  }

  async put(request: RoutedRequest): Promise<RegistryResponse> {
    const { repository } = request;
    const reference = assertTagOrDigest(request.reference);
    const raw = await receiveManifest(request, reference);
    const tags = isDigest(reference) ? request.query.getAll('tag').map(assertTag) : [reference];
    await this.assertComplete(repository, raw.manifest);
    await this.store.putManifest(repository, raw, ...tags);
    const { digest } = raw.descriptor;
    const { subject } = raw.manifest;
    return {
      status: 201,
      headers: {
        location: `/v2/${repository}/manifests/${digest}`,
        'docker-content-digest': digest,
        ...(subject === undefined ? {} : { 'oci-subject': subject.digest }),
        ...(isDigest(reference) && tags.length > 0 ? { 'oci-tag': tags.join(', ') } : {}),
      },
    };
  }

  /** A tag alone, or a manifest with every tag on it. */
  async delete({ repository, reference }: RoutedRequest): Promise<RegistryResponse> {
    const deleted = isNamedByDigest(reference)
      ? await this.store.deleteManifest(repository, reference)
      : isTag(reference) && (await this.store.deleteTag(repository, reference));
    if (!deleted) throw await this.unknown(repository, reference);
    return { status: 202, headers: {} };
  }

  private async resolve(repository: string, reference: string): Promise<string | undefined> {
    if (isNamedByDigest(reference)) return reference;
    return isTag(reference) ? this.store.resolveTag(repository, reference) : undefined;
  }

  private async unknown(repository: string, reference: string): Promise<Refusal> {
    if (!(await this.store.hasRepository(repository))) return unknownRepository(repository);
    const shown = printable(reference, 200);
    return new Refusal('MANIFEST_UNKNOWN', `${repository} has no manifest ${shown}`, { detail: { reference: shown } });
  }

  /** The subject alone may be absent. Source: distribution-spec v1.1, "Pushing Manifests with Subject". */
  private async assertComplete(repository: string, manifest: Manifest): Promise<void> {
    const named = isIndex(manifest) ? manifest.manifests : [manifest.config, ...manifest.layers.filter(isPushed)];
    const needed = new Map(named.map((descriptor) => [`${descriptor.mediaType} ${descriptor.digest}`, descriptor]));
    const missing = new Set<string>();
    // One after another: a manifest has room for tens of thousands of names, and a store may open a file for each.
    for (const descriptor of needed.values()) {
      if (!(await this.holds(repository, descriptor, isIndex(manifest)))) missing.add(descriptor.digest);
    }
    if (missing.size === 0) return;
    throw new Refusal('MANIFEST_BLOB_UNKNOWN', `${repository} lacks ${[...missing].join(', ')}`, {
      errors: [...missing].map((digest) => ({
        code: 'MANIFEST_BLOB_UNKNOWN',
        message: `${repository} has no content ${digest}, which the manifest names`,
        detail: { digest },
      })),
    });
  }

  private async holds(repository: string, { digest, mediaType }: Descriptor, isChild: boolean): Promise<boolean> {
    // BuildKit's cache is an index that lists layers, so a child is a manifest only when it says so.
    const content =
      isChild && isManifestMediaType(mediaType)
        ? await this.store.getManifest(repository, digest)
        : await this.store.getBlob(repository, digest);
    return content !== undefined;
  }
}

export function unknownRepository(repository: string): Refusal {
  return new Refusal('NAME_UNKNOWN', `there is no repository ${repository}`, { detail: { name: repository } });
}

/**
 * What is no tag at all is only not there, which is what a reader asks; the conformance suite of v1.1 wants a 404 for it.
 * @throws InvalidArgumentError DIGEST_INVALID for a digest that is none.
 */
function isNamedByDigest(reference: string): boolean {
  return reference.includes(':') && assertDigest(reference) === reference;
}

/** Foreign layers stay where their `urls` say. Source: image-spec v1.1 layer.md, "Non-Distributable Layers". */
function isPushed(layer: Descriptor): boolean {
  return (layer.urls ?? []).length === 0;
}

async function receiveManifest({ headers, body }: RoutedRequest, reference: string): Promise<RawManifest> {
  const contentType = headers['content-type'];
  if (contentType !== undefined && !isManifestMediaType(bareMediaType(contentType))) {
    throw new Refusal('MANIFEST_INVALID', `${contentType} is not the type of a manifest`);
  }
  const bytes = await readManifest(body, Number(headers['content-length'] ?? 0));
  const digest = digestOf(bytes, isDigest(reference) ? algorithmOf(reference) : 'sha256');
  if (isDigest(reference) && digest !== reference) {
    throw new Refusal('DIGEST_INVALID', `the manifest has the digest ${digest}, not ${reference}`, {
      detail: { digest: reference, actual: digest },
    });
  }
  const raw = parseManifest(bytes, contentType);
  return { ...raw, descriptor: { ...raw.descriptor, digest } };
}

/** @throws Refusal MANIFEST_INVALID (413) as soon as it is too long. */
export async function readManifest(body: Readable, announced: number): Promise<Buffer> {
  if (announced > MAX_MANIFEST_SIZE) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunksOf(body)) {
    size += chunk.length;
    if (size > MAX_MANIFEST_SIZE) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

function tooLarge(): Refusal {
  return new Refusal('MANIFEST_INVALID', `a manifest may have ${MAX_MANIFEST_SIZE} bytes at most`, { status: 413 });
}
