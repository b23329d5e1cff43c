import { sniffPacking, SNIFF_LENGTH, type Packing } from '../compression/sniff.js';
import { ValidationError } from '../errors.js';
import { isJsonObject, type JsonObject } from '../oci/descriptor.js';
import { digestOf, isDigest } from '../oci/digest.js';
import type { Platform } from '../oci/platform.js';
import type { ArchiveConfig, ArchiveLayer } from './archive-image.js';
import { invalid, type TarIndex } from './tar-index.js';

/** Larger JSON files than this are refused, so that no archive can fill the memory. */
const MAX_JSON = 16 * 1024 * 1024;

/** Reads the files of an image out of a tar: what both layouts, Docker's and OCI's, have in common. */
export class ArchiveFiles {
  constructor(readonly index: TarIndex) {}

  /** @throws ValidationError naming the entry when it is absent, too large, or not JSON. */
  async json(name: string): Promise<{ bytes: Buffer; value: unknown }> {
    const bytes = await this.index.readSmall(name, MAX_JSON);
    try {
      return { bytes, value: JSON.parse(bytes.toString('utf8')) };
    } catch (cause) {
      throw invalid(name, `is not JSON (${(cause as Error).message})`);
    }
  }

  /** @throws ValidationError naming the entry when it is absent or not a JSON object. */
  async config(name: string): Promise<ArchiveConfig> {
    const { bytes, value } = await this.json(name);
    if (!isJsonObject(value)) throw invalid(name, 'is not an image configuration');
    return { entry: name, digest: digestOf(bytes), bytes, json: value };
  }

  async layer(name: string): Promise<ArchiveLayer> {
    const { position, size } = await this.index.resolve(name);
    const { source } = this.index;
    const start = await source.read(position, Math.min(size, SNIFF_LENGTH));
    return { entry: name, size, position, packing: sniffPacking(start), open: () => source.open(position, size) };
  }
}

/** @throws ValidationError when the config has no list of digests under `rootfs.diff_ids`. */
export function diffIdsOf(config: ArchiveConfig): readonly string[] {
  const rootfs = config.json.rootfs;
  const ids = isJsonObject(rootfs) ? (rootfs.diff_ids ?? []) : undefined;
  if (Array.isArray(ids) && ids.every(isDigest)) return ids;
  throw invalid(config.entry, 'has no valid rootfs.diff_ids, so it is not an image configuration');
}

export function platformOf(config: JsonObject): Platform | undefined {
  const { os, architecture, variant } = config;
  if (typeof os !== 'string' || typeof architecture !== 'string') return undefined;
  return {
    os,
    architecture,
    ...(typeof variant === 'string' && variant !== '' ? { variant } : {}),
    ...(typeof config['os.version'] === 'string' ? { 'os.version': config['os.version'] } : {}),
  };
}

/** Why a registry could not serve such a layer, or `undefined` when it could. */
export function unsupportedPacking(packing: Packing): string | undefined {
  const isUsual = packing === 'none' || packing === 'gzip' || packing === 'zstd';
  return isUsual ? undefined : `is packed with ${packing}; layers may be plain, gzip or zstd`;
}

/** Runs every task and gathers the problems of all of them, so that the user sees the whole list at once. */
export async function gather<T>(tasks: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = [];
  const problems: ValidationError['problems'][number][] = [];
  for (const task of tasks) {
    try {
      results.push(await task());
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length === 0) return results;
  throw problemsError(problems);
}

/** @param archive - name of the file */
export function problemsError(problems: ValidationError['problems'], archive = 'this'): ValidationError {
  const unique = [...new Map(problems.map((problem) => [`${problem.entry}\n${problem.message}`, problem])).values()];
  const shown = unique.slice(0, 10).map(({ entry, message }) => `${entry} ${message}`);
  const more = unique.length > shown.length ? `, and ${unique.length - shown.length} more` : '';
  return new ValidationError(`${archive} is not a valid image archive: ${shown.join('; ')}${more}`, unique);
}
