import type { Packing } from '../compression/sniff.js';
import { isJsonObject, type JsonObject } from '../oci/descriptor.js';
import { type ArchiveImage, type ArchiveManifest, isForeign } from './archive-image.js';

/** One layer of an inspected image, lowest first. */
export interface LayerInspection {
  /** Name of the entry in the archive. */
  entry: string;
  /** Bytes as stored in the archive. */
  size: number;
  /** Digest of the plain layer; absent in artifacts. */
  diffId?: string;
  packing: Packing;
}

/** What one image of an archive is. An archive with several platforms has one of these for each. */
export interface ImageInspection {
  /** As the archive writes them. */
  tags: readonly string[];
  architecture: string | undefined;
  os: string | undefined;
  variant: string | undefined;
  /** RFC 3339, as the config has it. */
  created: string | undefined;
  /** Bytes of all layers as stored in the archive. */
  size: number;
  layers: readonly LayerInspection[];
  config: {
    digest: string;
    /** Bytes. */
    size: number;
    labels: Readonly<Record<string, string>>;
    env: readonly string[];
    entrypoint: readonly string[];
    cmd: readonly string[];
    user: string | undefined;
    workingDir: string | undefined;
    exposedPorts: readonly string[];
  };
}

export function inspectImage(image: ArchiveImage): ImageInspection[] {
  return image.manifests.map((manifest) => inspectManifest(image.tags, manifest));
}

function inspectManifest(tags: readonly string[], manifest: ArchiveManifest): ImageInspection {
  const { json } = manifest.config;
  const layers = manifest.layers.map(inspectLayer);
  return {
    tags,
    architecture: text(json.architecture),
    os: text(json.os),
    variant: text(json.variant),
    created: text(json.created),
    size: layers.reduce((sum, layer) => sum + layer.size, 0),
    layers,
    config: inspectConfig(manifest),
  };
}

function inspectLayer(layer: ArchiveManifest['layers'][number]): LayerInspection {
  if (isForeign(layer)) return { entry: layer.entry, size: layer.foreign.size, packing: 'none' };
  const { entry, size, packing, diffId } = layer;
  return { entry, size, packing, ...(diffId === undefined ? {} : { diffId }) };
}

/** Source of the field names: image-spec v1.1 config.md, "Properties". */
function inspectConfig({ config }: ArchiveManifest): ImageInspection['config'] {
  const run: JsonObject = isJsonObject(config.json.config) ? config.json.config : {};
  return {
    digest: config.digest,
    size: config.bytes.length,
    labels: labels(run.Labels),
    env: strings(run.Env),
    entrypoint: strings(run.Entrypoint),
    cmd: strings(run.Cmd),
    user: text(run.User),
    workingDir: text(run.WorkingDir),
    exposedPorts: isJsonObject(run.ExposedPorts) ? Object.keys(run.ExposedPorts) : [],
  };
}

function labels(value: unknown): Readonly<Record<string, string>> {
  const entries = isJsonObject(value) ? Object.entries(value) : [];
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
