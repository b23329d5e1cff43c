import { DigestMismatchError, NotFoundError, RegistryError } from '../errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import { readImageConfig } from '../oci/image-config.js';
import { type ImageManifest, isIndex, type RawManifest } from '../oci/manifest.js';
import { isManifestMediaType } from '../oci/media-types.js';
import { formatPlatform, isUnknownPlatform, parsePlatform, type Platform, platformMatches } from '../oci/platform.js';
import { printable } from '../redact.js';
import type { BlobService } from '../services/blob-service.js';
import type { ManifestService } from '../services/manifest-service.js';
import type { CallOptions } from '../services/requests.js';
import { readConfig } from './config-blob.js';
import type { Limit } from './limiter.js';
import { TogetherOrNone } from './together-or-none.js';

/** Indexes inside indexes deeper than this, or with more manifests in all, are an attack. */
const MAX_DEPTH = 8;
const MAX_MANIFESTS = 1000;
/** All of them are held in memory; a thousand of the usual size have a tenth of that. */
const MAX_BYTES = 64 * 1024 * 1024;

export interface GraphOptions extends CallOptions {
  /** Which children to fetch. Default: all that are manifests. */
  wants?: (child: Descriptor) => boolean;
  limit: Limit;
}

/**
 * What a reference stands for: with a platform the manifest of that image alone, else the manifest or index with all
 * manifests below it, itself last.
 * @throws NotFoundError when it, or its image for the platform, is not there; RegistryError
 */
export async function fetchImages(
  services: ImageServices,
  { repository, reference, platform }: { repository: string; reference: string; platform: string | undefined },
  options: GraphOptions,
): Promise<RawManifest[]> {
  const root = await services.manifests.fetch(repository, reference, options);
  if (platform === undefined) return fetchGraph(services.manifests, repository, root, options);
  return [await fetchPlatform(services, repository, root, platform, options)];
}

/**
 * A manifest and all manifests below it, children before the indexes that list them, each digest once.
 * @throws NotFoundError when one of them is not there; RegistryError
 */
export async function fetchGraph(
  manifests: ManifestService,
  repository: string,
  root: RawManifest,
  options: GraphOptions,
): Promise<RawManifest[]> {
  const found = new Map<string, RawManifest>();
  let fetched = 0;
  let bytes = 0;
  const fetchChild = async (child: Descriptor, signal: AbortSignal): Promise<RawManifest> => {
    signal.throwIfAborted();
    const raw = await fetchListed(manifests, repository, child, { ...options, signal });
    bytes += raw.bytes.length;
    if (bytes > MAX_BYTES) throw tooLarge(repository, root);
    return raw;
  };
  const visit = async (raw: RawManifest, depth: number): Promise<void> => {
    if (depth > MAX_DEPTH) throw tooLarge(repository, root);
    if (isIndex(raw.manifest)) {
      const listed = raw.manifest.manifests.filter(
        (child) => isManifestMediaType(child.mediaType) && !found.has(child.digest) && (options.wants?.(child) ?? true),
      );
      const children = [...new Map(listed.map((child) => [child.digest, child])).values()];
      fetched += children.length;
      if (fetched > MAX_MANIFESTS) throw tooLarge(repository, root);
      const together = new TogetherOrNone(options.signal);
      const fetches = children.map((child) => () => options.limit(() => fetchChild(child, together.signal)));
      const below = await together.run(fetches);
      for (const child of below) await visit(child, depth + 1);
    }
    found.set(raw.descriptor.digest, raw);
  };
  await visit(root, 0);
  return [...found.values()];
}

/** A manifest that an index lists. @throws DigestMismatchError when its size is not the one listed */
async function fetchListed(
  manifests: ManifestService,
  repository: string,
  { digest, size }: Descriptor,
  options: CallOptions,
): Promise<RawManifest> {
  const raw = await manifests.fetch(repository, digest, options);
  if (raw.bytes.length === size) return raw;
  const [expected, actual] = [`${size} bytes`, `${raw.bytes.length} bytes`];
  const message = `the manifest ${repository}@${digest} is listed with ${expected}, but has ${actual}`;
  throw new DigestMismatchError(message, { expected, actual });
}

/** Where images are read from. */
export interface ImageServices {
  manifests: ManifestService;
  blobs: BlobService;
}

/**
 * The image of one platform: the child that is listed for it, or the manifest itself when that is for it.
 * @throws NotFoundError with code `PLATFORM_UNKNOWN`, listing the platforms there are; RegistryError
 */
export async function fetchPlatform(
  services: ImageServices,
  repository: string,
  root: RawManifest,
  platform: string,
  options: CallOptions,
): Promise<RawManifest> {
  const wanted = parsePlatform(platform);
  let found = root;
  for (let depth = 0; isIndex(found.manifest); depth++) {
    if (depth > MAX_DEPTH) throw tooLarge(repository, root);
    const { manifests } = found.manifest;
    const child = manifests.find((entry) => entry.platform && platformMatches(wanted, entry.platform));
    if (!child) throw platformUnknown(repository, platform, platformsOf(manifests));
    found = await fetchListed(services.manifests, repository, child, options);
  }
  if (found === root) await assertPlatform(services.blobs, repository, found.manifest, wanted, options);
  return found;
}

/** Nothing lists a single image: only its config says what it is for. */
async function assertPlatform(
  blobs: BlobService,
  repository: string,
  { config }: ImageManifest,
  wanted: Platform,
  options: CallOptions,
): Promise<void> {
  const { os, architecture, variant } = readImageConfig(await readConfig(blobs, repository, config, options));
  const own = os && architecture ? { os, architecture, ...(variant ? { variant } : {}) } : undefined;
  if (own && platformMatches(wanted, own)) return;
  throw platformUnknown(repository, formatPlatform(wanted), own ? [own] : []);
}

export function platformUnknown(repository: string, wanted: string, available: readonly Platform[]): NotFoundError {
  const list = printable(available.map(formatPlatform).join(', '), 500) || 'none';
  return new NotFoundError(`${repository} has no image for ${wanted}; it has ${list}`, { code: 'PLATFORM_UNKNOWN' });
}

/** Those of images; attestations carry `unknown/unknown`. */
export function platformsOf(children: readonly Descriptor[]): Platform[] {
  return children.flatMap(({ platform }) => (platform && !isUnknownPlatform(platform) ? [platform] : []));
}

function tooLarge(repository: string, { descriptor }: RawManifest): RegistryError {
  return new RegistryError(`the index ${repository}@${descriptor.digest} is nested too deep or lists too much`, {
    code: 'INDEX_TOO_LARGE',
  });
}
