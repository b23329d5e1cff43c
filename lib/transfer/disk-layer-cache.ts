import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { isJsonObject } from '../oci/descriptor.js';
import { isDigest } from '../oci/digest.js';
import type { CachedLayer, LayerCache } from './layer-cache.js';

const FORMAT = 1;
/** About 2 MB. What was used longest ago goes first. */
const MAX_LAYERS = 5000;
const MAX_FILE = 16 * 1024 * 1024;
const MAX_REPOSITORIES = 8;

/**
 * One small JSON file in the user's cache folder. Written under another name and renamed, so that readers never see half of it;
 * a file that cannot be read is one that is not there, and a folder that cannot be written is no reason for a push to fail.
 * Source: XDG Base Directory Specification, `XDG_CACHE_HOME`.
 */
export class DiskLayerCache implements LayerCache {
  private layers: Promise<Map<string, CachedLayer>> | undefined;
  private readonly fresh = new Map<string, CachedLayer>();

  constructor(private readonly file: string = defaultFile()) {}

  async get(key: string): Promise<CachedLayer | undefined> {
    this.layers ??= readLayers(this.file);
    return this.fresh.get(key) ?? (await this.layers).get(key);
  }

  set(key: string, layer: CachedLayer): void {
    this.fresh.set(key, layer);
  }

  /** Other processes may have written meanwhile: theirs is kept. */
  async flush(): Promise<void> {
    if (this.fresh.size === 0) return;
    const fresh = [...this.fresh];
    this.fresh.clear();
    const layers = await readLayers(this.file);
    for (const [key, layer] of fresh) {
      layers.delete(key);
      layers.set(key, layer);
    }
    this.layers = Promise.resolve(layers);
    await writeLayers(this.file, [...layers].slice(-MAX_LAYERS)).catch(() => undefined);
  }
}

/** A relative `XDG_CACHE_HOME` is to be ignored, says its specification. */
export function defaultFile(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const { XDG_CACHE_HOME = '' } = env;
  const folder = isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(homedir(), '.cache');
  return join(folder, 'registry-api-v2-client', 'layers.json');
}

async function readLayers(file: string): Promise<Map<string, CachedLayer>> {
  try {
    if ((await stat(file)).size > MAX_FILE) return new Map();
    const json: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (!isJsonObject(json) || json.format !== FORMAT || !isJsonObject(json.layers)) return new Map();
    return new Map(Object.entries(json.layers).filter((entry): entry is [string, CachedLayer] => isLayer(entry[1])));
  } catch {
    return new Map();
  }
}

async function writeLayers(file: string, layers: readonly (readonly [string, CachedLayer])[]): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const partial = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(partial, JSON.stringify({ format: FORMAT, layers: Object.fromEntries(layers) }), { mode: 0o600 });
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

function isLayer(value: unknown): boolean {
  if (!isJsonObject(value)) return false;
  const { digest, size, repositories } = value;
  return (
    isDigest(digest) &&
    Number.isSafeInteger(size) &&
    Array.isArray(repositories) &&
    repositories.length <= MAX_REPOSITORIES &&
    repositories.every((name) => typeof name === 'string')
  );
}
