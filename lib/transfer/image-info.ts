import { RegistryError } from '../errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import { type ImageConfig, readImageConfig } from '../oci/image-config.js';
import { type ImageManifest, isIndex, type RawManifest } from '../oci/manifest.js';
import { isManifestMediaType } from '../oci/media-types.js';
import { isUnknownPlatform } from '../oci/platform.js';
import type { BlobService } from '../services/blob-service.js';
import type { ManifestService } from '../services/manifest-service.js';
import type { CallOptions } from '../services/requests.js';
import { readConfig } from './config-blob.js';
import { fetchGraph, fetchPlatform } from './image-graph.js';
import type { Limit } from './limiter.js';
import { TogetherOrNone } from './together-or-none.js';

/** The image of one platform. */
export interface PlatformImage extends ImageConfig {
  /** Of its manifest. */
  digest: string;
  /** Of its manifest. */
  mediaType: string;
  /** Bytes of its layers and its config, as stored. */
  size: number;
  /** Where its configuration is, which is read already. */
  config: Descriptor;
  /** Lowest first. */
  layers: readonly Descriptor[];
}

/** What is behind a tag or digest. For an index, the fields of an image are those of its first platform. */
export interface ImageInfo extends PlatformImage {
  /** Of what the tag points to: the index where there is one. */
  digest: string;
  /** Of what the tag points to: of the index where there is one. */
  mediaType: string;
  /** One for a single image, one per platform for an index. */
  platforms: readonly PlatformImage[];
  /** What an index lists that is no image: signatures, provenance, SBOMs. */
  attestations: readonly Descriptor[];
}

export interface ImageInfoJob extends CallOptions {
  repository: string;
  reference: string;
  platform: string | undefined;
  limit: Limit;
}

/**
 * @throws NotFoundError when there is no such image, or none for the platform, listing those there are; RegistryError
 */
export async function readImageInfo(
  manifests: ManifestService,
  blobs: BlobService,
  job: ImageInfoJob,
): Promise<ImageInfo> {
  const { repository, reference, platform } = job;
  const root = await manifests.fetch(repository, reference, job);
  const { digest, mediaType } = root.descriptor;
  const isWhole = isIndex(root.manifest) && platform === undefined;
  const { images, attestations } = isWhole
    ? await readIndex(manifests, blobs, job, root)
    : { images: [await readOne(manifests, blobs, job, root)], attestations: [] };
  const [first] = images;
  if (!first) throw noImages(repository, digest);
  return { ...first, digest, mediaType, platforms: images, attestations };
}

async function readOne(
  manifests: ManifestService,
  blobs: BlobService,
  job: ImageInfoJob,
  root: RawManifest,
): Promise<PlatformImage> {
  const { platform, repository } = job;
  const raw =
    platform === undefined ? root : await fetchPlatform({ manifests, blobs }, repository, root, platform, job);
  return readImage(blobs, job, raw);
}

async function readIndex(
  manifests: ManifestService,
  blobs: BlobService,
  job: ImageInfoJob,
  root: RawManifest,
): Promise<{ images: PlatformImage[]; attestations: Descriptor[] }> {
  const isImage = ({ mediaType, platform }: Descriptor): boolean =>
    isManifestMediaType(mediaType) && !isUnknownPlatform(platform);
  const { repository, limit, signal, timeout } = job;
  const graph = await fetchGraph(manifests, repository, root, { limit, signal, timeout, wants: isImage });
  const single = graph.filter(({ manifest }) => !isIndex(manifest));
  const together = new TogetherOrNone(signal);
  const read = (raw: RawManifest): Promise<PlatformImage> => {
    together.signal.throwIfAborted();
    return readImage(blobs, { ...job, signal: together.signal }, raw);
  };
  const images = await together.run(single.map((raw) => () => limit(async () => read(raw))));
  const listed = graph.flatMap(({ manifest }) => (isIndex(manifest) ? manifest.manifests : []));
  return { images, attestations: listed.filter((child) => !isImage(child)) };
}

async function readImage(blobs: BlobService, job: ImageInfoJob, raw: RawManifest): Promise<PlatformImage> {
  const manifest = raw.manifest as ImageManifest;
  const { config, layers } = manifest;
  const json = await readConfig(blobs, job.repository, config, job);
  const { digest, mediaType } = raw.descriptor;
  const size = [config, ...layers].reduce((sum, blob) => sum + blob.size, 0);
  return { ...readImageConfig(json), digest, mediaType, size, config, layers };
}

function noImages(repository: string, digest: string): RegistryError {
  return new RegistryError(`the index ${repository}@${digest} lists no image`, { code: 'INDEX_EMPTY' });
}
