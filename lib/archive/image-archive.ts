import type { ArchiveProblem } from '../errors.js';
import { ValidationError } from '../errors.js';
import { ArchiveFiles } from './archive-files.js';
import { type ArchiveImage, isForeign } from './archive-image.js';
import {
  DOCKER_MANIFEST,
  type DockerImage,
  type DockerManifestEntry,
  readDockerImage,
  readDockerManifest,
} from './docker-archive.js';
import { OCI_INDEX, readOciImages } from './oci-archive.js';
import type { TarIndex } from './tar-index.js';

/** Everything an archive says about its images, good or bad. */
export interface ArchiveContents {
  images: readonly ArchiveImage[];
  /** `manifest.json`; absent in pure OCI layouts. */
  dockerManifest: readonly DockerManifestEntry[] | undefined;
  problems: readonly ArchiveProblem[];
}

interface Layout {
  images: readonly ArchiveImage[];
  problems: readonly ArchiveProblem[];
}

/**
 * Finds the images of a tar in whichever layouts it has.
 *
 * Docker ≥ 25 writes both. `manifest.json` is the one to trust: 25.0.0 wrote OCI manifests without layers
 * (moby/moby#47065), and those of the classic store describe plain layers that no registry ever saw. Only an OCI manifest
 * with packed layers is the image as it was pulled; it is kept byte for byte, so that its digest survives.
 */
export async function readArchive(index: TarIndex): Promise<ArchiveContents> {
  const files = new ArchiveFiles(index);
  const hasDocker = index.has(DOCKER_MANIFEST);
  if (!hasDocker && !index.has(OCI_INDEX)) return { images: [], dockerManifest: undefined, problems: [noImage(index)] };
  const dockerManifest = hasDocker ? await attempt(() => readDockerManifest(files)) : undefined;
  const oci = index.has(OCI_INDEX) ? await readOci(files) : undefined;
  if (!dockerManifest) return { dockerManifest: undefined, ...(oci as Layout) };
  if ('problems' in dockerManifest) return { images: [], dockerManifest: undefined, problems: dockerManifest.problems };
  const docker: DockerImage[] = [];
  for (const entry of dockerManifest) docker.push(await readDockerImage(files, entry));
  return { dockerManifest, ...merge(docker, oci?.images ?? []) };
}

function merge(docker: readonly DockerImage[], oci: readonly ArchiveImage[]): Layout {
  const originals = oci.filter(isOriginal);
  const known = new Set(originals.flatMap((image) => image.manifests.map(({ config }) => config.digest)));
  const knownTags = new Set(originals.flatMap(({ tags }) => tags.map(shortName)));
  const isCovered = ({ image, tags }: DockerImage): boolean => {
    const digest = image?.manifests[0]?.config.digest;
    return digest === undefined ? tags.some((tag) => knownTags.has(shortName(tag))) : known.has(digest);
  };
  const rest = docker.filter((entry) => !isCovered(entry));
  return {
    images: [...originals.map((image) => withDockerTags(image, docker)), ...rest.flatMap(({ image }) => image ?? [])],
    problems: rest.flatMap(({ problems }) => problems),
  };
}

/** With packed layers a manifest is what some registry served, or would. */
function isOriginal(image: ArchiveImage): boolean {
  return image.manifests.some(({ layers }) => layers.some((layer) => !isForeign(layer) && layer.packing !== 'none'));
}

/** `manifest.json` writes names as the user knows them: `app:1`, not `docker.io/library/app:1`. */
function withDockerTags(image: ArchiveImage, docker: readonly DockerImage[]): ArchiveImage {
  const digests = new Set(image.manifests.map(({ config }) => config.digest));
  const named = docker.filter((entry) => digests.has(entry.image?.manifests[0]?.config.digest ?? ''));
  const tags = named.flatMap((entry) => entry.tags);
  const missing = image.tags.filter((tag) => !tags.some((other) => shortName(other) === shortName(tag)));
  return { ...image, tags: [...tags, ...missing] };
}

function shortName(tag: string): string {
  return tag.replace(/^docker\.io\/(library\/)?/, '');
}

async function readOci(files: ArchiveFiles): Promise<Layout> {
  const images = await attempt(() => readOciImages(files));
  if ('problems' in images) return { images: [], problems: images.problems };
  if (images.length > 0) return { images, problems: [] };
  return { images, problems: [{ entry: OCI_INDEX, message: 'lists no image' }] };
}

async function attempt<T extends object>(read: () => Promise<T>): Promise<T | ValidationError> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof ValidationError) return error;
    throw error;
  }
}

function noImage(index: TarIndex): ArchiveProblem {
  const isLegacy = index.has('repositories');
  const writer = isLegacy ? ': it was written by Docker before 1.10, load and save it again with a newer one' : '';
  return { entry: DOCKER_MANIFEST, message: `is not in the archive, nor is ${OCI_INDEX}${writer}` };
}
