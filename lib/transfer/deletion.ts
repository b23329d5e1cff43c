import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { InvalidArgumentError, NotFoundError, RegistryError, UnsupportedError } from '../errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import { digestOf } from '../oci/digest.js';
import { encodeManifest, type RawManifest } from '../oci/manifest.js';
import { MediaType } from '../oci/media-types.js';
import { assertTag } from '../oci/reference.js';
import type { BlobService } from '../services/blob-service.js';
import type { ManifestService } from '../services/manifest-service.js';
import type { RepositoryService } from '../services/repository-service.js';
import type { Limit } from './limiter.js';

export interface DeletedImage {
  /** Of the manifest that is gone. */
  digest: string;
  /** Every tag that went with it, the one asked for included, in order. */
  untagged: readonly string[];
}

/** The services a deletion goes through. */
export interface DeletionServices {
  blobs: BlobService;
  manifests: ManifestService;
  repositories: RepositoryService;
  limit: Limit;
}

/**
 * Deletes the manifest behind a tag, and with it every tag that points to it.
 * @param options - `force`: also when other tags share the manifest. Default `false`
 * @throws NotFoundError; InvalidArgumentError with code `IMAGE_SHARED` naming the other tags; UnsupportedError; RegistryError
 */
export async function deleteImage(
  services: DeletionServices,
  repository: string,
  tag: string,
  { force = false, signal }: { force?: boolean; signal?: AbortSignal | undefined },
): Promise<DeletedImage> {
  const target = await services.manifests.resolve(repository, assertTag(tag), { signal });
  if (!target) throw absent(repository, tag);
  const untagged = await tagsOf(services, repository, target.digest, signal);
  const others = untagged.filter((other) => other !== tag);
  if (others.length > 0 && !force) throw shared(repository, tag, others);
  await services.manifests.delete(repository, target.digest, { signal });
  return { digest: target.digest, untagged: [...new Set([tag, ...untagged])].sort() };
}

/**
 * Removes one tag and nothing else.
 * @param options - `fallback`: where the registry cannot, give the tag an image of its own and delete that. Default `false`
 * @throws NotFoundError; UnsupportedError where the registry cannot and no fallback is wanted; RegistryError
 */
export async function deleteTag(
  services: DeletionServices,
  repository: string,
  tag: string,
  { fallback = false, signal }: { fallback?: boolean; signal?: AbortSignal | undefined },
): Promise<void> {
  try {
    await services.manifests.delete(repository, assertTag(tag), { signal });
  } catch (error) {
    if (!cannotDeleteTags(error)) throw error;
    // An absent tag must not be created in order to be deleted.
    if (!(await services.manifests.resolve(repository, tag, { signal }))) throw absent(repository, tag);
    if (!fallback) throw unsupported(error as RegistryError);
    await deleteThroughDummy(services, repository, tag, signal);
  }
}

/** Every tag of the repository that points to `digest`. A registry without a HEAD of manifests would be asked for each of them. */
async function tagsOf(
  { manifests, repositories, limit }: DeletionServices,
  repository: string,
  digest: string,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const pending: Promise<string | undefined>[] = [];
  const check = (tag: string): Promise<string | undefined> =>
    limit(async () => ((await manifests.resolve(repository, tag, { signal }))?.digest === digest ? tag : undefined));
  for await (const tag of repositories.listTags(repository, signal ? { signal } : {})) pending.push(check(tag));
  return (await Promise.all(pending)).filter((tag) => tag !== undefined);
}

/** Distribution before 3 takes a tag for a malformed digest (400 DIGEST_INVALID); 405 where deletes are off. */
function cannotDeleteTags(error: unknown): boolean {
  return error instanceof RegistryError && (error.status === 400 || error.status === 405);
}

/** The tag moves to an image nobody else has, which can be deleted without touching any other tag. */
async function deleteThroughDummy(
  { blobs, manifests }: DeletionServices,
  repository: string,
  tag: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { config, dummy } = dummyImage();
  await blobs.push(repository, config, { signal });
  await manifests.push(repository, tag, dummy, { signal });
  await manifests.delete(repository, dummy.descriptor.digest, { signal });
}

function dummyImage(): { config: { descriptor: Descriptor; open: () => Readable }; dummy: RawManifest } {
  const labels = { deleted: randomBytes(16).toString('hex') };
  const bytes = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: { Labels: labels },
      rootfs: { type: 'layers', diff_ids: [] },
    }),
  );
  const descriptor = { mediaType: MediaType.ociConfig, digest: digestOf(bytes), size: bytes.length };
  const dummy = encodeManifest({ schemaVersion: 2, mediaType: MediaType.ociManifest, config: descriptor, layers: [] });
  return { config: { descriptor, open: () => Readable.from([bytes], { objectMode: false }) }, dummy };
}

function absent(repository: string, tag: string): NotFoundError {
  return new NotFoundError(`there is no ${repository}:${tag} to delete`, { code: 'MANIFEST_UNKNOWN', status: 404 });
}

function shared(repository: string, tag: string, others: readonly string[]): InvalidArgumentError {
  return new InvalidArgumentError(
    `deleting the image ${repository}:${tag} would also remove the tags ${others.join(', ')}`,
    {
      code: 'IMAGE_SHARED',
      hint: 'Delete only the tag, or repeat with force.',
    },
  );
}

function unsupported({ code, status, method, url, errors, message }: RegistryError): UnsupportedError {
  return new UnsupportedError(`this registry cannot delete a single tag: ${message}`, {
    ...{ code, status, method, url, errors },
    hint: 'With the option fallback the tag gets an image of its own, and that is deleted.',
  });
}
