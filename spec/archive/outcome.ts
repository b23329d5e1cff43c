import { type ArchiveManifest, isForeign } from '../../lib/archive/archive-image.js';
import { TarArchive } from '../../lib/archive/tar-archive.js';
import { TarReadError, ValidationError } from '../../lib/errors.js';

export interface Outcome {
  tags: readonly string[];
  configs: readonly string[];
  diffIds: readonly (string | undefined)[][];
  raw: readonly (string | undefined)[];
  omitted: readonly string[];
}

/** What an archive yields, or that it is refused; throws when it fails with anything but the two errors for that. */
export async function outcomeOf(tar: Buffer): Promise<Outcome[] | 'refused'> {
  try {
    return await imagesOf(tar);
  } catch (error) {
    if (error instanceof TarReadError || error instanceof ValidationError) return 'refused';
    throw error;
  }
}

/**
 * Config and layers. Where an archive is a `docker save` and an OCI layout at once, and one of the two lists is lost without
 * a trace, the other one yields the same image; only its manifest may be another.
 */
export function essence(outcome: Outcome[] | 'refused'): unknown {
  if (outcome === 'refused') return outcome;
  return outcome.map(({ tags, configs, diffIds }) => ({ tags: tags.map(shortName), configs, diffIds }));
}

async function imagesOf(tar: Buffer): Promise<Outcome[]> {
  const archive = await TarArchive.open(tar);
  try {
    const { images } = archive;
    const { valid, problems } = await archive.validate();
    if (!valid) throw new ValidationError('found by reading', problems);
    return images.map(({ tags, manifests, omitted }) => ({
      tags,
      configs: manifests.map(({ config }) => config.digest),
      diffIds: manifests.map(diffIdsOf),
      raw: manifests.map(({ raw }) => raw?.descriptor.digest),
      omitted,
    }));
  } finally {
    await archive.close();
  }
}

function diffIdsOf({ layers }: ArchiveManifest): (string | undefined)[] {
  return layers.map((layer) => (isForeign(layer) ? undefined : layer.diffId));
}

function shortName(tag: string): string {
  return tag.replace(/^docker\.io\//, '');
}
