import { type ArchiveProblem, InvalidArgumentError, ValidationError } from '../errors.js';
import { type Descriptor, isJsonObject, type JsonObject, parseDescriptor } from '../oci/descriptor.js';
import { isDigest } from '../oci/digest.js';
import { parseRepositoryTag } from '../oci/reference.js';
import { printable } from '../redact.js';
import { type ArchiveFiles, diffIdsOf, gather, platformOf, unsupportedPacking } from './archive-files.js';
import type { ArchiveConfig, ArchiveImage, ArchiveLayer, ForeignLayer } from './archive-image.js';
import { invalid } from './tar-index.js';

export const DOCKER_MANIFEST = 'manifest.json';

/** One element of `manifest.json`, as `docker save` writes it. */
export interface DockerManifestEntry {
  Config: string;
  RepoTags: readonly string[] | null;
  Layers: readonly string[];
  LayerSources?: JsonObject;
}

/** What became of one element: the image, or why there is none. */
export interface DockerImage {
  tags: readonly string[];
  image?: ArchiveImage;
  problems: readonly ArchiveProblem[];
}

/** @throws ValidationError when `manifest.json` is not a list of images. */
export async function readDockerManifest(files: ArchiveFiles): Promise<readonly DockerManifestEntry[]> {
  const { value } = await files.json(DOCKER_MANIFEST);
  if (!Array.isArray(value)) throw invalid(DOCKER_MANIFEST, 'is not a list of images');
  return value.map(parseEntry);
}

/**
 * Reads the layout of `docker save`: `manifest.json` names a config and layers. Of all its writers none can be trusted on
 * file names, so digests come from bytes and packings from magic numbers. Source: moby `image/tarexport/load.go`.
 */
export async function readDockerImage(files: ArchiveFiles, entry: DockerManifestEntry): Promise<DockerImage> {
  const tags = (entry.RepoTags ?? []).filter((tag) => tag !== '');
  try {
    const [[config], layers] = await bothOf(
      () => gather([() => files.config(entry.Config), ...tags.map((tag) => () => checkTag(tag))]),
      () => gather(entry.Layers.map((name) => () => readLayer(files, name, entry))),
    );
    const image = assemble(config as ArchiveConfig, layers);
    return { tags, image: { tags, manifests: [image], indexes: [], omitted: [] }, problems: [] };
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    return { tags, problems: error.problems };
  }
}

function assemble(config: ArchiveConfig, layers: readonly PlacedLayer[]): ArchiveImage['manifests'][number] {
  const diffIds = diffIdsOf(config);
  if (diffIds.length !== layers.length) {
    const counts = `${layers.length} layers, but ${printable(config.entry, 300)} has ${diffIds.length} diff_ids`;
    throw invalid(DOCKER_MANIFEST, `lists ${counts}`);
  }
  const platform = platformOf(config.json);
  return {
    config,
    layers: layers.map((layer, i) => layer(diffIds[i] as string)),
    ...(platform === undefined ? {} : { platform }),
  };
}

/** A layer that waits for its diff_id, which only the config knows. */
type PlacedLayer = (diffId: string) => ArchiveLayer | ForeignLayer;

async function readLayer(files: ArchiveFiles, name: string, entry: DockerManifestEntry): Promise<PlacedLayer> {
  const sources = foreignSources(entry);
  if (!files.index.has(name) && sources.size > 0) {
    return (diffId) => {
      const foreign = sources.get(diffId);
      if (foreign) return { entry: name, foreign };
      throw invalid(name, 'is not in the archive');
    };
  }
  const layer = await files.layer(name);
  const unsupported = unsupportedPacking(layer.packing);
  if (unsupported) throw invalid(name, unsupported);
  return (diffId) => ({ ...layer, diffId });
}

/** Docker ≥ 25 writes `LayerSources` for ordinary layers too: only those with download addresses are foreign. */
function foreignSources({ LayerSources = {} }: DockerManifestEntry): ReadonlyMap<string, Descriptor> {
  const foreign = new Map<string, Descriptor>();
  for (const [diffId, value] of Object.entries(LayerSources)) {
    if (!isDigest(diffId) || !isJsonObject(value) || !Array.isArray(value.urls) || value.urls.length === 0) continue;
    foreign.set(diffId, parseDescriptor(value, `LayerSources of ${diffId}`));
  }
  return foreign;
}

function parseEntry(value: unknown, i: number): DockerManifestEntry {
  const where = `has an element ${i}`;
  if (!isJsonObject(value)) throw invalid(DOCKER_MANIFEST, `${where} that is not an object`);
  const { Config, RepoTags, Layers, LayerSources } = value;
  if (typeof Config !== 'string') throw invalid(DOCKER_MANIFEST, `${where} without Config`);
  if (Layers !== null && !isStrings(Layers)) throw invalid(DOCKER_MANIFEST, `${where} without a list of Layers`);
  if (RepoTags != null && !isStrings(RepoTags))
    throw invalid(DOCKER_MANIFEST, `${where} with RepoTags that are not text`);
  return {
    Config,
    RepoTags: RepoTags ?? null,
    Layers: Layers ?? [],
    ...(isJsonObject(LayerSources) ? { LayerSources } : {}),
  };
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function checkTag(tag: string): Promise<ArchiveConfig | undefined> {
  try {
    parseRepositoryTag(tag);
    return Promise.resolve(undefined);
  } catch (error) {
    if (error instanceof InvalidArgumentError)
      throw invalid(DOCKER_MANIFEST, `has a RepoTag that is no name: ${error.message}`);
    throw error;
  }
}

/** Both results, or the problems of both. */
async function bothOf<A, B>(first: () => Promise<A>, second: () => Promise<B>): Promise<[A, B]> {
  const results = await gather<A | B>([first, second]);
  return results as [A, B];
}
