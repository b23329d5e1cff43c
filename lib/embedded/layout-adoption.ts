import type { Descriptor } from '../oci/descriptor.js';
import { algorithmOf, digestOf } from '../oci/digest.js';
import { isIndex, MAX_MANIFEST_SIZE, parseManifest, type RawManifest } from '../oci/manifest.js';
import { isManifestMediaType } from '../oci/media-types.js';
import type { LayoutFolder } from './layout-folder.js';
import type { LayoutIndex } from './layout-index.js';
import type { LayoutLinks } from './layout-links.js';

/** Gives the repositories what `index.json` says they have, in case another tool put it there while no registry ran. */
export async function adoptTagged(folder: LayoutFolder, index: LayoutIndex, links: LayoutLinks): Promise<void> {
  for (const { repository, descriptor } of index.all()) await adopt(descriptor, repository, folder, links);
}

/** Goes as deep as indexes are nested, which ends: no content can name itself, for it is named by its digest. */
async function adopt(
  descriptor: Descriptor,
  repository: string,
  folder: LayoutFolder,
  links: LayoutLinks,
): Promise<void> {
  if (links.manifest(repository, descriptor.digest) !== undefined) return;
  const raw = await readManifest(descriptor, folder);
  if (raw === undefined) return;
  for (const part of partsOf(raw)) {
    if (isIndex(raw.manifest) && isManifestMediaType(part.mediaType)) await adopt(part, repository, folder, links);
    else if ((await folder.contentSize(part.digest)) === part.size) await links.addBlob(repository, part.digest);
  }
  await links.addManifest(repository, raw);
}

/** Nothing when it is absent, or not what its descriptor says: other tools may have stopped half-way. */
async function readManifest({ digest, mediaType }: Descriptor, folder: LayoutFolder): Promise<RawManifest | undefined> {
  const size = await folder.contentSize(digest);
  const bytes = size === undefined || size > MAX_MANIFEST_SIZE ? undefined : await folder.readContent(digest);
  if (bytes === undefined || digestOf(bytes, algorithmOf(digest)) !== digest) return undefined;
  try {
    const raw = parseManifest(bytes, mediaType);
    return { ...raw, descriptor: { ...raw.descriptor, digest } };
  } catch {
    return undefined;
  }
}

function partsOf({ manifest }: RawManifest): readonly Descriptor[] {
  return isIndex(manifest) ? manifest.manifests : [manifest.config, ...manifest.layers];
}
