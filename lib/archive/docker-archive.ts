import { InvalidArgumentError, RegistryClientError } from '../errors.js';
import { type Descriptor, isJsonObject, type JsonObject, parseDescriptor } from '../oci/descriptor.js';
import { parseRepositoryTag } from '../oci/reference.js';
import { printable } from '../redact.js';
import { type ArchiveFiles, assertUsualPacking, diffIdsOf, platformOf } from './archive-files.js';
import type { ArchiveConfig, ArchiveLayer, ArchiveManifest, ForeignLayer } from './archive-image.js';
import { type FoundImage, storedLayers } from './found-image.js';
import { ManifestBudget } from './manifest-budget.js';
import { invalid, Problems } from './problems.js';

export const DOCKER_MANIFEST = 'manifest.json';

/** One element of `manifest.json`, as `docker save` writes it. */
export interface DockerManifestEntry {
  /** Name of the entry with the image configuration. */
  Config: string;
  /** `[host[:port]/]repository:tag` each; `null` where it was saved by its id. */
  RepoTags: readonly string[] | null;
  /** Names of the entries with the layers, lowest first. */
  Layers: readonly string[];
  /** Descriptors by the digests of the plain layers, since docker 25; those with `urls` are not in the archive. Absent before. */
  LayerSources?: JsonObject;
}

/** @throws ValidationError when `manifest.json` is not a list of images. */
export async function readDockerManifest(files: ArchiveFiles): Promise<readonly DockerManifestEntry[]> {
  const value = await files.json(DOCKER_MANIFEST);
  if (!Array.isArray(value)) throw invalid(DOCKER_MANIFEST, 'is not a list of images');
  new ManifestBudget().spend(value.length, DOCKER_MANIFEST);
  return value.map(parseEntry);
}

/**
 * Reads the layout of `docker save`: `manifest.json` names a config and layers. Of all its writers none can be trusted on
 * file names, so digests come from bytes and packings from magic numbers. Source: moby `image/tarexport/load.go`.
 */
export async function readDockerImage(files: ArchiveFiles, entry: DockerManifestEntry): Promise<FoundImage> {
  // rules_oci writes an empty name where it was given none.
  const tags = [...new Set(entry.RepoTags ?? [])].filter((tag) => tag !== '');
  const problems = new Problems();
  for (const tag of tags) await problems.attempt(() => checkTag(tag));
  const config = await problems.attempt(() => files.config(entry.Config));
  const diffIds = config && (await problems.attempt(() => checkedDiffIds(config, entry)));
  const layers: ArchiveManifest['layers'][number][] = [];
  for (const [i, name] of entry.Layers.entries()) {
    const layer = await problems.attempt(() => readLayer(files, name, diffIds?.[i], entry));
    if (layer) layers.push(layer);
  }
  const isWhole = config !== undefined && problems.list.length === 0;
  return {
    tags,
    problems: problems.list,
    isIncomplete: problems.onlyAbsences,
    hasSources: entry.LayerSources !== undefined,
    layers: diffIds ? storedLayers(layers) : [],
    ...(isWhole ? { image: { tags, manifests: [toManifest(config, layers)], indexes: [], omitted: [] } } : {}),
  };
}

function toManifest(config: ArchiveConfig, layers: ArchiveManifest['layers']): ArchiveManifest {
  const platform = platformOf(config.json);
  return { config, layers, ...(platform === undefined ? {} : { platform }) };
}

function checkedDiffIds(config: ArchiveConfig, { Layers }: DockerManifestEntry): readonly string[] {
  const diffIds = diffIdsOf(config);
  if (diffIds.length === Layers.length) return diffIds;
  const found = `${printable(config.entry, 300)} has ${diffIds.length} diff_ids`;
  throw invalid(DOCKER_MANIFEST, `lists ${Layers.length} layers, but ${found}`);
}

/** @param diffId - absent when the config does not tell, which makes a problem of its own */
async function readLayer(
  files: ArchiveFiles,
  name: string,
  diffId: string | undefined,
  entry: DockerManifestEntry,
): Promise<ArchiveLayer | ForeignLayer> {
  const foreign = diffId === undefined || files.has(name) ? undefined : foreignSource(entry, diffId);
  if (foreign) return { entry: name, foreign };
  const layer = await files.layer(name);
  assertUsualPacking(layer);
  return diffId === undefined ? layer : { ...layer, diffId };
}

/** Docker ≥ 25 writes `LayerSources` for ordinary layers too: only those with download addresses are foreign. */
function foreignSource({ LayerSources = {} }: DockerManifestEntry, diffId: string): Descriptor | undefined {
  if (!Object.hasOwn(LayerSources, diffId)) return undefined;
  try {
    const source = parseDescriptor(LayerSources[diffId], `the LayerSources of ${diffId}`);
    return source.urls?.length ? source : undefined;
  } catch (error) {
    throw RegistryClientError.is(error) ? invalid(DOCKER_MANIFEST, `is damaged: ${error.message}`) : error;
  }
}

function parseEntry(value: unknown, i: number): DockerManifestEntry {
  const where = `has an element ${i}`;
  if (!isJsonObject(value)) throw invalid(DOCKER_MANIFEST, `${where} that is not an object`);
  const { Config, RepoTags, Layers, LayerSources } = value;
  if (typeof Config !== 'string' || Config === '') throw invalid(DOCKER_MANIFEST, `${where} without Config`);
  if (Layers !== null && !isStrings(Layers)) throw invalid(DOCKER_MANIFEST, `${where} without a list of Layers`);
  if (RepoTags != null && !isStrings(RepoTags)) {
    throw invalid(DOCKER_MANIFEST, `${where} with RepoTags that are not text`);
  }
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

function checkTag(tag: string): void {
  try {
    parseRepositoryTag(tag);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw invalid(DOCKER_MANIFEST, `has a RepoTag that is no name: ${error.message}`);
  }
}
