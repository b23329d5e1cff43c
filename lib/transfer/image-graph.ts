import { NotFoundError, RegistryError } from '../errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import { isIndex, type RawManifest } from '../oci/manifest.js';
import { isManifestMediaType } from '../oci/media-types.js';
import { formatPlatform, isUnknownPlatform, parsePlatform, type Platform, platformMatches } from '../oci/platform.js';
import type { ManifestService } from '../services/manifest-service.js';
import type { CallOptions } from '../services/requests.js';
import type { Limit } from './limiter.js';

/** Indexes inside indexes deeper than this, or with more manifests in all, are an attack. */
const MAX_DEPTH = 8;
const MAX_MANIFESTS = 10_000;

export interface GraphOptions extends CallOptions {
  limit: Limit;
}

/**
 * What a reference stands for: with a platform the manifest of that image alone, else the manifest or index with all
 * manifests below it, itself last.
 * @throws NotFoundError when it, or its image for the platform, is not there; RegistryError
 */
export async function fetchImages(
  manifests: ManifestService,
  { repository, reference, platform }: { repository: string; reference: string; platform: string | undefined },
  options: GraphOptions,
): Promise<RawManifest[]> {
  const root = await manifests.fetch(repository, reference, options);
  if (platform === undefined) return fetchGraph(manifests, repository, root, options);
  return [await fetchPlatform(manifests, repository, root, platform, options)];
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
  const visit = async (raw: RawManifest, depth: number): Promise<void> => {
    if (depth > MAX_DEPTH || found.size > MAX_MANIFESTS) throw tooLarge(repository, root);
    if (isIndex(raw.manifest)) {
      const children = raw.manifest.manifests.filter(
        ({ digest, mediaType }) => isManifestMediaType(mediaType) && !found.has(digest),
      );
      const fetched = await Promise.all(
        children.map((child) => options.limit(() => manifests.fetch(repository, child.digest, options))),
      );
      for (const child of fetched) await visit(child, depth + 1);
    }
    found.set(raw.descriptor.digest, raw);
  };
  await visit(root, 0);
  return [...found.values()];
}

/**
 * The image of one platform: the manifest itself when it is no index, else the child that is listed for it.
 * @throws NotFoundError with code `PLATFORM_UNKNOWN`, listing the platforms there are
 */
export async function fetchPlatform(
  manifests: ManifestService,
  repository: string,
  root: RawManifest,
  platform: string,
  options: CallOptions,
): Promise<RawManifest> {
  const wanted = parsePlatform(platform);
  if (!isIndex(root.manifest)) return root;
  const child = root.manifest.manifests.find((entry) => entry.platform && platformMatches(wanted, entry.platform));
  if (child) return manifests.fetch(repository, child.digest, options);
  throw platformUnknown(repository, platform, platformsOf(root.manifest.manifests));
}

export function platformUnknown(repository: string, wanted: string, available: readonly Platform[]): NotFoundError {
  const list = available.map(formatPlatform).join(', ') || 'none';
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
