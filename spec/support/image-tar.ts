import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';
import { bytes, type Content, toBuffer } from './content.js';
import { buildImage, type BuiltImage, type BuiltLayer, type ImageOptions } from './image-model.js';
import { type ImageFormat, writerOf } from './image-writers.js';
import { tarContent, type TarEntry, type TarOptions } from './tar-builder.js';

/** What to break; an index counts the layers of the first image. */
export interface Damage {
  /** The config names another diff_id for this layer. */
  wrongDiffId?: number;
  /** The config names one diff_id more than there are layers. */
  extraDiffId?: boolean;
  /** The entry that holds this layer is not in the tar. */
  missingLayer?: number;
  /** One bit of this layer's stored bytes is flipped. */
  corruptLayer?: number;
  missingConfig?: boolean;
  missingManifestJson?: boolean;
  /** What `manifest.json` says instead of the config's name. */
  configPath?: string;
  /** What `manifest.json` says instead of the first layer's name. */
  layerPath?: string;
  /** The first layer is a symlink to this. */
  layerLink?: string;
  /** The first layer is a symlink to a symlink to the first layer. */
  linkCycle?: boolean;
}

export interface ImageTarOptions extends ImageOptions, Damage, TarOptions {
  format: ImageFormat;
  /** Several images instead of the one that the other fields describe. */
  images?: readonly ImageOptions[];
  /** Platforms that an index lists and the tar does not hold. Default `['linux/s390x']`, in formats with such an index. */
  absentPlatforms?: readonly string[];
  /** Writes every name with `./` before it. */
  dotSlash?: boolean;
  /** Any other change, made last. */
  transform?: (entries: TarEntry[]) => TarEntry[];
  /** Compresses the whole tar. */
  outer?: 'gzip' | 'zstd';
  /** Cuts the file off after so many bytes. */
  truncateAt?: number;
}

/** What was written, so that a spec can compare. The fields of the first image stand beside `images`. */
export interface ImageTar extends Omit<BuiltImage, 'layers'> {
  tar: Buffer;
  layers: readonly { diffId: string; digest: string; plain: Buffer; stored: Buffer }[];
  images: readonly BuiltImage[];
  entries: readonly TarEntry[];
}

export interface ImageFile extends BuiltImage {
  file: string;
  /** Bytes. */
  size: number;
  images: readonly BuiltImage[];
}

/** An image tar in memory. */
export function imageTar(options: ImageTarOptions): ImageTar {
  const { images, entries } = imageEntries(options);
  const tar = packed(toBuffer(tarContent(entries, options)), options.outer).subarray(0, options.truncateAt);
  const layers = images[0]!.layers.map((layer) => inMemory(layer));
  return { ...images[0]!, tar, layers, images, entries };
}

/** An image tar written to `file` piece by piece: gigabytes need no memory. */
export async function writeImageTar(file: string, options: ImageTarOptions): Promise<ImageFile> {
  const { images, entries } = imageEntries(options);
  const chunks = Readable.from(tarContent(entries, options).chunks(), { objectMode: false });
  const stages = options.outer === undefined ? [] : [compressor(options.outer)];
  await pipeline([chunks, ...stages, createWriteStream(file)]);
  return { ...images[0]!, file, size: (await stat(file)).size, images };
}

function imageEntries(options: ImageTarOptions): { images: BuiltImage[]; entries: TarEntry[] } {
  const writer = writerOf(options.format);
  const images = imagesOf(options).map((image) => buildImage(image, writer.gzipped));
  const written = writer.entries(images, options.absentPlatforms ?? ['linux/s390x']);
  const damaged = damage(written, images[0]!, options);
  const entries = options.dotSlash ? damaged.map((entry) => ({ ...entry, name: `./${entry.name}` })) : damaged;
  return { images, entries: options.transform?.(entries) ?? entries };
}

function imagesOf(options: ImageTarOptions): ImageOptions[] {
  const [first = options, ...rest] = options.images ?? (options.format === 'oci-index' ? twoPlatforms(options) : []);
  return [{ ...first, diffIds: (right) => damagedDiffIds(first.diffIds?.(right) ?? right, options) }, ...rest];
}

function twoPlatforms(options: ImageOptions): ImageOptions[] {
  return [options, { ...options, platform: 'linux/arm64/v8' }];
}

function damagedDiffIds(right: readonly string[], { wrongDiffId, extraDiffId }: Damage): readonly string[] {
  const other = `sha256:${'0123456789abcdef'.repeat(4)}`;
  const diffIds = right.map((diffId, i) => (i === wrongDiffId ? other : diffId));
  return extraDiffId ? [...diffIds, other] : diffIds;
}

function damage(entries: readonly TarEntry[], image: BuiltImage, options: Damage): TarEntry[] {
  const lost = new Set<TarEntry['content']>();
  if (options.missingConfig) lost.add(image.config);
  if (options.missingLayer !== undefined) lost.add(image.layers[options.missingLayer]!.stored);
  return entries
    .filter((entry) => !lost.has(entry.content) && !(options.missingManifestJson && entry.name === 'manifest.json'))
    .map((entry) => (entry.name === 'manifest.json' ? renamed(entry, options) : entry))
    .flatMap((entry) => damagedLayer(entry, image, options));
}

function renamed(manifestJson: TarEntry, { configPath, layerPath }: Damage): TarEntry {
  if (configPath === undefined && layerPath === undefined) return manifestJson;
  const [first, ...rest] = JSON.parse(manifestJson.content as string) as { Config: string; Layers: string[] }[];
  const Config = configPath ?? first!.Config;
  const Layers = first!.Layers.map((name, i) => (i === 0 ? (layerPath ?? name) : name));
  return { ...manifestJson, content: JSON.stringify([{ ...first, Config, Layers }, ...rest]) };
}

function damagedLayer(entry: TarEntry, image: BuiltImage, options: Damage): TarEntry[] {
  const { corruptLayer, layerLink, linkCycle } = options;
  if (corruptLayer !== undefined && entry.content === image.layers[corruptLayer]!.stored) {
    return [{ ...entry, content: bitFlipped(entry.content) }];
  }
  if (entry.content !== image.layers[0]?.stored) return [entry];
  if (layerLink !== undefined) return [{ name: entry.name, linkTo: layerLink }];
  return linkCycle ? cycle(entry.name) : [entry];
}

function cycle(name: string): TarEntry[] {
  const up = '../'.repeat(name.split('/').length - 1);
  return [
    { name, linkTo: `${up}loop` },
    { name: 'loop', linkTo: name },
  ];
}

function bitFlipped(content: Content): Content {
  const buffer = toBuffer(content);
  const middle = buffer.length >> 1;
  buffer[middle] = buffer[middle]! ^ 1;
  return bytes(buffer);
}

function inMemory({ diffId, digest, plain, stored }: BuiltLayer) {
  return { diffId, digest, plain: toBuffer(plain), stored: toBuffer(stored) };
}

function packed(tar: Buffer, outer: ImageTarOptions['outer']): Buffer {
  if (outer === undefined) return tar;
  return outer === 'gzip' ? zlib.gzipSync(tar) : zstd().zstdCompressSync(tar);
}

function compressor(outer: 'gzip' | 'zstd'): Transform {
  return outer === 'gzip' ? zlib.createGzip({ level: 1 }) : zstd().createZstdCompress();
}

interface Zstd {
  zstdCompressSync(data: Buffer): Buffer;
  createZstdCompress(): Transform;
}

/** Whether this Node can write zstd, which it can from 22.15 on. */
export function hasZstd(): boolean {
  return 'createZstdCompress' in zlib;
}

function zstd(): Zstd {
  if (!hasZstd()) throw new Error(`Node ${process.version} has no zstd; ask hasZstd() first`);
  return zlib as unknown as Zstd;
}
