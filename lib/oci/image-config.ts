import { isJsonObject, type JsonObject } from './descriptor.js';
import { isDigest } from './digest.js';

/** One step of the build; only those that are not `emptyLayer` have a layer. */
export interface HistoryEntry {
  created: string | undefined;
  createdBy: string | undefined;
  comment: string | undefined;
  emptyLayer: boolean;
}

/** What an image configuration says, in names of this language. Source: image-spec v1.1 config.md, "Properties". */
export interface ImageConfig {
  architecture: string | undefined;
  os: string | undefined;
  variant: string | undefined;
  /** RFC 3339, as the config has it. */
  created: string | undefined;
  labels: Readonly<Record<string, string>>;
  env: readonly string[];
  entrypoint: readonly string[];
  cmd: readonly string[];
  user: string | undefined;
  workingDir: string | undefined;
  exposedPorts: readonly string[];
  history: readonly HistoryEntry[];
}

/** Digests of the plain layers, lowest first; undefined when `json` is no config of an image. Source: image-spec v1.1 config.md, `rootfs`. */
export function readDiffIds(json: unknown): readonly string[] | undefined {
  const rootfs = isJsonObject(json) ? json.rootfs : undefined;
  const ids = isJsonObject(rootfs) ? (rootfs.diff_ids ?? []) : undefined;
  return Array.isArray(ids) && ids.every(isDigest) ? ids : undefined;
}

/** Reads what is there and of the right type; a config owes nobody any of it. */
export function readImageConfig(json: JsonObject): ImageConfig {
  const run: JsonObject = isJsonObject(json.config) ? json.config : {};
  return {
    architecture: text(json.architecture),
    os: text(json.os),
    variant: text(json.variant),
    created: text(json.created),
    labels: texts(run.Labels),
    env: list(run.Env),
    entrypoint: list(run.Entrypoint),
    cmd: list(run.Cmd),
    user: text(run.User),
    workingDir: text(run.WorkingDir),
    exposedPorts: isJsonObject(run.ExposedPorts) ? Object.keys(run.ExposedPorts) : [],
    history: Array.isArray(json.history) ? json.history.filter(isJsonObject).map(readHistory) : [],
  };
}

function readHistory(entry: JsonObject): HistoryEntry {
  return {
    created: text(entry.created),
    createdBy: text(entry.created_by),
    comment: text(entry.comment),
    emptyLayer: entry.empty_layer === true,
  };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function list(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function texts(value: unknown): Readonly<Record<string, string>> {
  const entries = isJsonObject(value) ? Object.entries(value) : [];
  // `fromEntries` defines properties, so a label named `__proto__` is a label.
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
