import { TarReadError, ValidationError } from '../errors.js';
import type { RepositoryTag } from '../oci/reference.js';
import type { DockerManifestEntry } from './docker-archive.js';
import type { ImageInspection } from './inspection.js';
import { type ArchiveInput, TarArchive } from './tar-archive.js';

/**
 * Every tag an archive was saved with, as written, in its order.
 * @throws TarReadError, ValidationError
 */
export function extractOriginalTags(input: ArchiveInput): Promise<readonly string[]> {
  return read(input, (archive) => archive.originalTags);
}

/**
 * The first tag an archive was saved with, taken apart.
 * @returns undefined when it has none
 * @throws TarReadError, ValidationError
 */
export function getPrimaryTag(input: ArchiveInput): Promise<RepositoryTag | undefined> {
  return read(input, (archive) => archive.primaryTag);
}

/**
 * Reads an archive to its end. {@link TarArchive.validate} says what is wrong with one that is not valid.
 * @throws TarReadError when there is no such file
 */
export async function validateDockerTar(input: ArchiveInput, options: { signal?: AbortSignal } = {}): Promise<boolean> {
  try {
    return await read(input, async (archive) => (await archive.validate(options)).valid);
  } catch (error) {
    const isDamaged = error instanceof ValidationError || (error instanceof TarReadError && !isOfSystem(error));
    if (isDamaged) return false;
    throw error;
  }
}

/**
 * What an archive holds, one element per image and platform.
 * @throws TarReadError, ValidationError
 */
export function inspectDockerTar(input: ArchiveInput): Promise<readonly ImageInspection[]> {
  return read(input, (archive) => archive.inspect());
}

/**
 * The `manifest.json` of an archive; for a pure OCI layout, what it would be.
 * @throws TarReadError, ValidationError
 */
export function getTarManifest(input: ArchiveInput): Promise<readonly DockerManifestEntry[]> {
  return read(input, (archive) => archive.manifest);
}

async function read<T>(input: ArchiveInput, what: (archive: TarArchive) => T | Promise<T>): Promise<T> {
  const archive = await TarArchive.open(input);
  try {
    return await what(archive);
  } finally {
    await archive.close();
  }
}

/** A file that cannot be opened says nothing about what is in it. */
function isOfSystem({ cause }: TarReadError): boolean {
  return typeof cause === 'object' && cause !== null && 'syscall' in cause;
}
