import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { atHome } from '../home.js';
import { isJsonObject } from '../oci/descriptor.js';
import { isDigest } from '../oci/digest.js';
import { type CachedLayer, keepLayer, type LayerCache, MAX_REPOSITORIES } from './layer-cache.js';

const FORMAT = 1;
const MAX_FILE = 16 * 1024 * 1024;

/**
 * One small JSON file in the user's cache folder. Written under another name and renamed, so that readers never see half of it;
 * a file that cannot be read is one that is not there, and a folder that cannot be written is no reason for a push to fail.
 * Source: XDG Base Directory Specification, `XDG_CACHE_HOME`.
 */
export class DiskLayerCache implements LayerCache {
  private stored: Promise<Map<string, CachedLayer>> | undefined;
  /** What this process has set, which counts also where nothing can be written. */
  private readonly own = new Map<string, CachedLayer>();
  private isWritten = true;
  private flushed: Promise<void> = Promise.resolve();

  /** @param file - absent where there is no place for it */
  constructor(private readonly file: string | undefined = defaultFile()) {}

  async get(key: string): Promise<CachedLayer | undefined> {
    this.stored ??= readLayers(this.file);
    return this.own.get(key) ?? (await this.stored).get(key);
  }

  set(key: string, layer: CachedLayer): void {
    keepLayer(this.own, key, layer);
    this.isWritten = false;
  }

  /** One after the other, so that pushes that end at the same time write nothing twice. */
  flush(): Promise<void> {
    this.flushed = this.flushed.then(() => this.write());
    return this.flushed;
  }

  /** Other processes may have written meanwhile: theirs is kept. */
  private async write(): Promise<void> {
    if (this.file === undefined || this.isWritten) return;
    this.isWritten = true;
    const layers = await readLayers(this.file);
    for (const [key, layer] of this.own) keepLayer(layers, key, layer);
    await writeLayers(this.file, layers).catch(() => undefined);
  }
}

/** A relative `XDG_CACHE_HOME` is to be ignored, says its specification. */
export function defaultFile(
  env: Readonly<Record<string, string | undefined>> = process.env,
  home: () => string = homedir,
): string | undefined {
  const { XDG_CACHE_HOME = '' } = env;
  const folder = isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : atHome('.cache', home);
  return folder && join(folder, 'registry-api-v2-client', 'layers.json');
}

async function readLayers(file: string | undefined): Promise<Map<string, CachedLayer>> {
  if (file === undefined) return new Map();
  try {
    const found = await stat(file);
    // To read from a pipe would take for ever.
    if (!found.isFile() || found.size > MAX_FILE) return new Map();
    const json: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (!isJsonObject(json) || json.format !== FORMAT || !isJsonObject(json.layers)) return new Map();
    return new Map(Object.entries(json.layers).filter((entry): entry is [string, CachedLayer] => isLayer(entry[1])));
  } catch {
    return new Map();
  }
}

async function writeLayers(file: string, layers: ReadonlyMap<string, CachedLayer>): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
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
  const { digest, size, repositories, tag = '' } = value;
  return (
    isDigest(digest) &&
    Number.isSafeInteger(size) &&
    (size as number) >= 0 &&
    typeof tag === 'string' &&
    Array.isArray(repositories) &&
    repositories.length <= MAX_REPOSITORIES &&
    repositories.every((name) => typeof name === 'string')
  );
}
