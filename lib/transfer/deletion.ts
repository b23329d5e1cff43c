import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { InvalidArgumentError, NotFoundError, RegistryError, UnsupportedError } from '../errors.js';
import { streamOf } from '../oci/byte-stream.js';
import type { Descriptor } from '../oci/descriptor.js';
import { digestOf, isDigest } from '../oci/digest.js';
import { encodeManifest, type RawManifest } from '../oci/manifest.js';
import { MediaType } from '../oci/media-types.js';
import { assertTag, nameIn } from '../oci/reference.js';
import type { BlobService } from '../services/blob-service.js';
import type { ManifestService } from '../services/manifest-service.js';
import type { CallOptions } from '../services/requests.js';
import type { RepositoryService } from '../services/repository-service.js';
import { mapConcurrently } from './map-concurrently.js';

/** An image that is gone. */
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
  /** Tags looked at at once. */
  concurrency: number;
}

/** Said before anything goes: what will be gone. */
export type DeletionEvent = { state: 'planned' } & DeletedImage;

/** What of an image may be deleted with it. */
export interface DeleteImageOptions extends CallOptions {
  /** Also when other tags share the manifest. Default `false`. */
  force?: boolean;
  /** Hears what will be gone, right before it is; what it throws stops the deletion. Default: nobody does. */
  onProgress?: (event: DeletionEvent) => void;
}

/**
 * Deletes the manifest behind a tag or digest, and with it every tag that points to it.
 * @throws NotFoundError; InvalidArgumentError with code `IMAGE_SHARED` naming the other tags, unless `force`;
 * UnsupportedError; RegistryError
 */
export async function deleteImage(
  services: DeletionServices,
  repository: string,
  reference: string,
  { force = false, onProgress, ...options }: DeleteImageOptions,
): Promise<DeletedImage> {
  const target = await services.manifests.resolve(repository, reference, options);
  if (!target) throw absent(repository, reference);
  const { digest } = target;
  const tags = await tagsOf(services, repository, digest, options);
  const others = tags.filter((tag) => tag !== reference);
  if (others.length > 0 && !force) throw shared(repository, reference, others);
  const untagged = [...new Set(isDigest(reference) ? tags : [reference, ...tags])].sort();
  onProgress?.({ state: 'planned', digest, untagged });
  await deleteManifest(services, repository, digest, options);
  return { digest, untagged };
}

/**
 * Deletes a manifest, and takes it off the list of its subject's referrers where clients keep that.
 * @throws NotFoundError, UnsupportedError, RegistryError
 */
export async function deleteManifest(
  { manifests }: Pick<DeletionServices, 'manifests'>,
  repository: string,
  digest: string,
  options: CallOptions,
): Promise<void> {
  // What cannot be read, because it is damaged or of schema 1, can still be deleted.
  const raw = await manifests.fetch(repository, digest, options).catch(() => options.signal?.throwIfAborted());
  await manifests.delete(repository, digest, options);
  if (raw?.manifest.subject) await manifests.unlistReferrer(repository, raw, options);
}

/** What may be done where a registry deletes no tags. */
export interface DeleteTagOptions extends CallOptions {
  /** Where the registry cannot delete a tag, give it an image of its own and delete that. Default `false`. */
  fallback?: boolean;
}

/**
 * Removes one tag and nothing else.
 * @throws NotFoundError; UnsupportedError where the registry cannot and no fallback is wanted; RegistryError
 */
export async function deleteTag(
  services: DeletionServices,
  repository: string,
  tag: string,
  { fallback = false, ...options }: DeleteTagOptions,
): Promise<void> {
  try {
    await services.manifests.delete(repository, assertTag(tag), options);
  } catch (error) {
    if (!cannotDeleteTags(error)) throw error;
    // An absent tag must not be created in order to be deleted.
    if (!(await services.manifests.resolve(repository, tag, options))) throw absent(repository, tag);
    if (!fallback) throw unsupported(error as RegistryError);
    await deleteThroughDummy(services, repository, tag, options);
  }
}

const FALLBACK = 'With the option fallback (--fallback) the tag gets an image of its own, and that is deleted.';

/** Every tag of the repository that points to `digest`. A registry without a HEAD of manifests would be asked for each of them. */
async function tagsOf(
  { manifests, repositories, concurrency }: DeletionServices,
  repository: string,
  digest: string,
  options: CallOptions,
): Promise<string[]> {
  const check = async (tag: string): Promise<{ tag: string; isIts: boolean }> => {
    const target = await manifests.resolve(repository, tag, options);
    return { tag, isIts: target?.digest === digest };
  };
  const tags: string[] = [];
  try {
    const checked = mapConcurrently(repositories.listTags(repository, options), concurrency, check);
    for await (const { tag, isIts } of checked) if (isIts) tags.push(tag);
  } catch (error) {
    // To distribution a repository without a single tag is none.
    if (!(error instanceof NotFoundError)) throw error;
  }
  return tags;
}

/** Distribution before 3 takes a tag for a malformed digest (400 DIGEST_INVALID); 405 where deletes are off. */
function cannotDeleteTags(error: unknown): boolean {
  return error instanceof RegistryError && (error.status === 400 || error.status === 405);
}

/**
 * The tag moves to an image nobody else has, which can be deleted without touching any other tag. Whether anything can be
 * deleted here at all is tried on that image first, and when it fails after all, the tag gets back what it had.
 */
async function deleteThroughDummy(
  { blobs, manifests }: DeletionServices,
  repository: string,
  tag: string,
  options: CallOptions,
): Promise<void> {
  const original = await manifests.fetch(repository, tag, { ...options, forPush: true });
  const { config, dummy } = dummyImage();
  const { digest } = dummy.descriptor;
  await blobs.push(repository, config, { signal: options.signal });
  await manifests.push(repository, digest, dummy, options);
  await manifests.delete(repository, digest, options);
  try {
    await manifests.push(repository, tag, dummy, options);
    await manifests.delete(repository, digest, options);
  } catch (error) {
    // The caller's signal may be the reason, so this goes on without it.
    await manifests.push(repository, tag, original, { timeout: options.timeout });
    throw error;
  }
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
  return { config: { descriptor, open: () => streamOf(bytes) }, dummy };
}

function absent(repository: string, reference: string): NotFoundError {
  return new NotFoundError(`there is no ${nameIn(repository, reference)} to delete`, {
    code: 'MANIFEST_UNKNOWN',
    status: 404,
  });
}

function shared(repository: string, reference: string, others: readonly string[]): InvalidArgumentError {
  return new InvalidArgumentError(
    `deleting the image ${nameIn(repository, reference)} would also remove the tags ${others.join(', ')}`,
    {
      code: 'IMAGE_SHARED',
      hint: 'Delete only the tag, or repeat it with the option force (--force).',
    },
  );
}

function unsupported({ code, status, method, url, errors, message }: RegistryError): UnsupportedError {
  return new UnsupportedError(`this registry cannot delete a single tag: ${message}`, {
    ...{ code, status, method, url, errors },
    hint: deletesNothing({ status, errors }) ? undefined : FALLBACK,
  });
}

/**
 * distribution with its deletes switched off, Docker Hub and GHCR say so of whatever is to be deleted. A 405 without the code is a
 * server that has no such route, and may have one for digests.
 */
function deletesNothing({ status, errors }: Pick<RegistryError, 'status' | 'errors'>): boolean {
  return status === 405 && errors.some(({ code }) => code === 'UNSUPPORTED');
}
