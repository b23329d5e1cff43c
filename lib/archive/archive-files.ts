import { SNIFF_LENGTH, sniffPacking } from '../compression/sniff.js';
import { isJsonObject, type JsonObject } from '../oci/descriptor.js';
import { digestOf } from '../oci/digest.js';
import { readDiffIds } from '../oci/image-config.js';
import type { Platform } from '../oci/platform.js';
import { printable } from '../redact.js';
import type { ArchiveConfig, ArchiveLayer } from './archive-image.js';
import { invalid } from './problems.js';
import type { TarIndex } from './tar-index.js';

/** Larger JSON files than this are refused, so that no archive can fill the memory. */
export const MAX_JSON = 8 * 1024 * 1024;
/** All that is read together: few bytes, links or packed ones, can name the same large file over and over. */
const MAX_ALL_JSON = 64 * 1024 * 1024;

/** Reads the files of an image out of a tar: what both layouts, Docker's and OCI's, have in common. */
export class ArchiveFiles {
  private left = MAX_ALL_JSON;

  constructor(private readonly index: TarIndex) {}

  has(name: string): boolean {
    return this.index.has(name);
  }

  /** @throws ValidationError naming the entry when it is absent or too large, or too much has been read before it. */
  async bytes(name: string): Promise<Buffer> {
    if (this.left < 0) throw invalid(name, `is not read: the archive has more than ${MAX_ALL_JSON} bytes of JSON`);
    const bytes = await this.index.readSmall(name, MAX_JSON);
    this.left -= bytes.length;
    return bytes;
  }

  /** @throws ValidationError naming the entry when it is absent, too large, or not JSON. */
  async json(name: string): Promise<unknown> {
    return parseJson(await this.bytes(name), name);
  }

  /** @throws ValidationError naming the entry when it is absent or not a JSON object. */
  async config(name: string): Promise<ArchiveConfig> {
    const bytes = await this.bytes(name);
    return { entry: name, digest: digestOf(bytes), bytes, json: configIn(bytes, name) };
  }

  /** @throws ValidationError naming the entry when it is absent or not a file. */
  async layer(name: string): Promise<ArchiveLayer> {
    const entry = await this.index.resolve(name);
    const packing = sniffPacking(await this.index.readStart(entry, SNIFF_LENGTH));
    const { position, size } = entry;
    return { entry: name, size, position, packing, open: () => this.index.open({ ...entry, name }) };
  }
}

/** @throws ValidationError naming the entry when it is not a JSON object. */
export function configIn(bytes: Buffer, name: string): JsonObject {
  const json = parseJson(bytes, name);
  if (isJsonObject(json)) return json;
  throw invalid(name, 'is not an image configuration');
}

/** @throws ValidationError when the config has no list of digests under `rootfs.diff_ids`. */
export function diffIdsOf({ entry, json }: Pick<ArchiveConfig, 'entry' | 'json'>): readonly string[] {
  const ids = readDiffIds(json);
  if (ids) return ids;
  throw invalid(entry, 'has no valid rootfs.diff_ids, so it is not an image configuration');
}

/** Absent when the config does not name both an operating system and an architecture. */
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

/** @throws ValidationError when no runtime could use such a layer of an image. */
export function assertUsualPacking({ entry, packing }: ArchiveLayer): void {
  if (packing === 'none' || packing === 'gzip' || packing === 'zstd') return;
  throw invalid(entry, `is packed with ${packing}; layers may be plain, gzip or zstd`);
}

function parseJson(bytes: Buffer, name: string): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw invalid(name, `is not JSON (${printable((cause as Error).message, 200)})`);
  }
}
