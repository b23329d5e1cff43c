import { isForeign } from './archive-image.js';
import type { FoundImage } from './found-image.js';

/**
 * Decides between the two lists of an archive that is both a `docker save` and an OCI layout, as Docker ≥ 25 writes it.
 *
 * The classic store makes its OCI manifests up, of plain layers that no registry ever saw, and 25.0.0 even without layers
 * (moby/moby#47065): there `manifest.json` is the one to trust. Every other OCI manifest is the image as some registry
 * served it, and is kept byte for byte, so that its digest survives. The containerd store may name a config in `manifest.json`
 * that is not in the archive (containerd/containerd#11980); then the OCI image of the same name stands in for it.
 */
export function mergeLayouts(docker: readonly FoundImage[], oci: readonly FoundImage[]): FoundImage[] {
  const dockerConfigs = new Set(docker.flatMap(configsOf));
  const inventedConfigs = new Set(docker.filter(({ hasSources }) => hasSources).flatMap(configsOf));
  const isInvented = (found: FoundImage): boolean =>
    !isPacked(found) &&
    isListed(found, dockerConfigs) &&
    configsOf(found).some((config) => inventedConfigs.has(config));
  const originals = oci.filter((found) => found.image && !isInvented(found));
  const originalConfigs = new Set(originals.flatMap(configsOf));
  const originalTags = new Set(originals.flatMap(shortTags));
  const dockerTags = new Set(docker.flatMap(shortTags));
  const dockerTagsByConfig = tagsByConfig(docker);
  const isReplaced = (found: FoundImage): boolean => {
    if (found.image) return isListed(found, originalConfigs);
    return found.isIncomplete && shortTags(found).some((tag) => originalTags.has(tag));
  };
  const isExcused = (found: FoundImage): boolean =>
    docker.length > 0 && shortTags(found).every((tag) => dockerTags.has(tag));
  return [
    ...originals.map((found) => withDockerTags(found, dockerTagsByConfig)),
    ...docker.filter((found) => !isReplaced(found)),
    ...oci.filter((found) => !found.image && !isExcused(found)),
  ];
}

/** With packed layers a manifest is what some registry served, or would. */
function isPacked({ image }: FoundImage): boolean {
  const manifests = image?.manifests ?? [];
  return manifests.some(({ layers }) => layers.some((layer) => !isForeign(layer) && layer.packing !== 'none'));
}

function configsOf({ image }: FoundImage): string[] {
  return image?.manifests.map(({ config }) => config.digest) ?? [];
}

function isListed(found: FoundImage, configs: ReadonlySet<string>): boolean {
  return configsOf(found).every((config) => configs.has(config));
}

/** Each tag once for each config, in the order of the images. */
function tagsByConfig(images: readonly FoundImage[]): Map<string, Set<string>> {
  const tags = new Map<string, Set<string>>();
  for (const found of images) {
    for (const config of configsOf(found)) {
      const known = tags.get(config) ?? new Set();
      for (const tag of found.tags) known.add(tag);
      tags.set(config, known);
    }
  }
  return tags;
}

/** `manifest.json` writes names as the user knows them: `app:1`, not `docker.io/library/app:1`. */
function withDockerTags(found: FoundImage, docker: ReadonlyMap<string, ReadonlySet<string>>): FoundImage {
  const { image } = found;
  if (!image) return found;
  const tags = [...new Set(configsOf(found).flatMap((config) => [...(docker.get(config) ?? [])]))];
  const known = new Set(tags.map(shortName));
  return { ...found, image: { ...image, tags: [...tags, ...image.tags.filter((tag) => !known.has(shortName(tag)))] } };
}

function shortTags({ tags }: FoundImage): string[] {
  return tags.map(shortName);
}

function shortName(tag: string): string {
  return tag.replace(/^docker\.io\/(library\/)?/, '');
}
