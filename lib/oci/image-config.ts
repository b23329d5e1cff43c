import { isJsonObject, type JsonObject } from './descriptor.js';
import { isDigest } from './digest.js';

/** One step of the build; only those that are not `emptyLayer` have a layer. */
export interface HistoryEntry {
  /** RFC 3339, as the config has it. */
  created: string | undefined;
  /** The command, for example `RUN apk add curl`. */
  createdBy: string | undefined;
  /** What built it, for example `buildkit.dockerfile.v0`. */
  comment: string | undefined;
  /** True for what changes the config only, as ENV and CMD do. */
  emptyLayer: boolean;
}

/**
 * What an image configuration says, in names of this language. Source: image-spec v1.1,
 * [Properties](https://github.com/opencontainers/image-spec/blob/v1.1.0/config.md#properties).
 */
export interface ImageConfig {
  /** As Go names it: `amd64`, `arm64`, …. */
  architecture: string | undefined;
  /** As Go names it: `linux`, `windows`, …. */
  os: string | undefined;
  /** Of the processor, for example `v8`. */
  variant: string | undefined;
  /** RFC 3339, as the config has it. */
  created: string | undefined;
  /** Empty for none. */
  labels: Readonly<Record<string, string>>;
  /** `NAME=value` each. */
  env: readonly string[];
  /** Program and first arguments; empty for none. */
  entrypoint: readonly string[];
  /** Arguments for the entrypoint, or the program where there is none. */
  cmd: readonly string[];
  /** `user[:group]`, names or numbers; undefined where the config names none, and the runtime takes root. */
  user: string | undefined;
  /** Absolute path; undefined where the config names none, and the runtime takes `/`. */
  workingDir: string | undefined;
  /** `port/protocol` each, for example `80/tcp`. */
  exposedPorts: readonly string[];
  /** Oldest first; empty where the builder wrote none. */
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
