import { isIndex } from '../oci/manifest.js';
import type { ArchiveFiles } from './archive-files.js';
import type { FoundImage } from './found-image.js';
import { ManifestBudget } from './manifest-budget.js';
import { blobPath } from './oci-image.js';
import { type OciRoot, rootsOf } from './oci-names.js';
import { type AbsentNode, isAbsent, type OciNode } from './oci-node.js';
import { OciTree, parseManifestFile } from './oci-tree.js';
import { absent, invalid } from './problems.js';

export { blobPath } from './oci-image.js';

export const OCI_INDEX = 'index.json';

/**
 * Reads an OCI image layout. Source: image-spec v1.1 image-layout.md.
 *
 * Docker's containerd store saves indexes that list platforms whose blobs it never pulled: those are left out. A platform
 * whose config is there but whose layers are not is damaged.
 * @throws ValidationError when `index.json` itself is broken.
 */
export async function readOciImages(files: ArchiveFiles): Promise<FoundImage[]> {
  const { manifest } = parseManifestFile(await files.bytes(OCI_INDEX), OCI_INDEX);
  if (!isIndex(manifest)) throw invalid(OCI_INDEX, 'is not an image index');
  const budget = new ManifestBudget();
  budget.spend(manifest.manifests.length, OCI_INDEX);
  const found: FoundImage[] = [];
  for (const root of rootsOf(manifest.manifests)) found.push(await readRoot(files, root, budget));
  return found;
}

async function readRoot(
  files: ArchiveFiles,
  { descriptor, tags }: OciRoot,
  budget: ManifestBudget,
): Promise<FoundImage> {
  const tree = new OciTree(files, budget);
  const { problems, layers } = tree;
  const node = await tree.read(descriptor);
  const image = node && (await problems.attempt(() => assertImage(node, blobPath(descriptor.digest))));
  const rest = { tags, problems: problems.list, isIncomplete: problems.onlyAbsences, layers };
  if (!image) return rest;
  const { manifests, indexes, omitted } = image;
  return { ...rest, image: { tags, manifests, indexes, omitted } };
}

function assertImage(node: OciNode | AbsentNode, path: string): OciNode {
  if (isAbsent(node)) throw absent(node.absent, `is not in the archive, though ${OCI_INDEX} needs it`);
  if (node.manifests.length === 0) throw invalid(path, 'lists no image');
  return node;
}
