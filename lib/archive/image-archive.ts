import type { ArchiveProblem } from '../errors.js';
import { printable } from '../redact.js';
import { ArchiveFiles } from './archive-files.js';
import type { ArchiveImage, ArchiveLayer } from './archive-image.js';
import { DOCKER_MANIFEST, type DockerManifestEntry, readDockerImage, readDockerManifest } from './docker-archive.js';
import type { FoundImage } from './found-image.js';
import { mergeLayouts } from './merge-layouts.js';
import { OCI_INDEX, readOciImages } from './oci-archive.js';
import { Problems } from './problems.js';
import type { TarIndex } from './tar-index.js';

/** Everything an archive says about its images, good or bad. */
export interface ArchiveContents {
  images: readonly ArchiveImage[];
  /** `manifest.json`; absent in pure OCI layouts. */
  dockerManifest: readonly DockerManifestEntry[] | undefined;
  /** Never empty when there is no image. */
  problems: readonly ArchiveProblem[];
  /** Every layer whose content can be checked, those of broken images included. */
  layers: readonly ArchiveLayer[];
}

/** Finds the images of a tar in whichever layouts it has. */
export async function readArchive(index: TarIndex): Promise<ArchiveContents> {
  const files = new ArchiveFiles(index);
  const [hasDocker, hasOci] = [files.has(DOCKER_MANIFEST), files.has(OCI_INDEX)];
  if (!hasDocker && !hasOci) return contents([], [noImage(index)]);
  const problems = new Problems();
  const dockerManifest = hasDocker ? await problems.attempt(() => readDockerManifest(files)) : undefined;
  // The list that counts cannot be read, so no other one is taken instead.
  if (hasDocker && !dockerManifest) return contents([], problems.list);
  const docker: FoundImage[] = [];
  for (const entry of dockerManifest ?? []) docker.push(await readDockerImage(files, entry));
  const oci = hasOci ? await problems.attempt(() => readOciImages(files)) : undefined;
  const found = mergeLayouts(docker, oci ?? []);
  if (docker.length > 0) return contents(found, [], dockerManifest);
  const isEmpty = found.length === 0 && problems.list.length === 0;
  const nothing = { entry: hasDocker ? DOCKER_MANIFEST : OCI_INDEX, message: 'lists no image' };
  return contents(found, isEmpty ? [nothing] : problems.list, dockerManifest);
}

function contents(
  found: readonly FoundImage[],
  problems: readonly ArchiveProblem[],
  dockerManifest?: readonly DockerManifestEntry[],
): ArchiveContents {
  return {
    images: found.flatMap(({ image }) => image ?? []),
    dockerManifest,
    problems: [...problems, ...found.flatMap((one) => one.problems)],
    layers: found.flatMap(({ layers }) => layers),
  };
}

function noImage(index: TarIndex): ArchiveProblem {
  return { entry: DOCKER_MANIFEST, message: `is not in the archive, nor is ${OCI_INDEX}${whatElse(index)}` };
}

/** What such a tar most often is, and what to do about it. */
function whatElse(index: TarIndex): string {
  if (index.has('repositories')) return ': Docker before 1.10 wrote it; load and save it again with a newer one';
  const names = [...index.names];
  if (names.length === 0) return ': the tar is empty';
  const folder = names.find((name) => name.endsWith(`/${DOCKER_MANIFEST}`) || name.endsWith(`/${OCI_INDEX}`));
  if (folder !== undefined)
    return `, but there is ${printable(folder, 300)}: pack what is in that folder, without the folder`;
  return ': write it with docker save, not docker export or tar';
}
