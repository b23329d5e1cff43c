import { gzipSync } from 'node:zlib';
import { DOCKER_MANIFEST, type DockerManifestEntry } from '../archive/docker-archive.js';
import { imageFiles, type StoredImage } from '../archive/image-files.js';
import type { LayoutFile } from '../archive/tar-layout.js';
import { InvalidArgumentError } from '../errors.js';
import { hexOf } from '../oci/digest.js';
import { parsePlatform } from '../oci/platform.js';
import { formatReference, parseRepositoryTag } from '../oci/reference.js';
import { blobOf, type LayerContent, layerOf, tarOf, type TestLayer } from './layer.js';
import { descriptorOf, type TestImage, imageOf, rootOf } from './test-image.js';

/** What the image is, and how it was saved. */
export interface ImageTarOptions {
  /** Each one as its files by path, or as the bytes of a tar, plain or packed with gzip. Default: one with `etc/motd` in it. */
  layers?: readonly LayerContent[];
  /** What the image was saved as; `[]` for an image without a name. Default `['app:latest']`. */
  tags?: readonly string[];
  /**
   * `docker` is what `docker save` writes since 25, an OCI layout with a `manifest.json` beside it; `docker-legacy` what it wrote
   * before; `oci` the layout alone. Default `docker`.
   */
  format?: 'docker' | 'docker-legacy' | 'oci';
  /** More than one makes an index, which `docker-legacy` has not. Default `['linux/amd64']`. */
  platforms?: readonly string[];
  /** Packs the whole tar with gzip. Default `false`. */
  gzip?: boolean;
}

/**
 * A small image archive in memory, for `client.push(imageTar(), 'team/app:1.0')`. Without times and owners, so that the same
 * options give the same image, and other layers another one.
 * @throws InvalidArgumentError when an option cannot be right
 */
export function imageTar(options: ImageTarOptions = {}): Buffer {
  const { layers = [{ 'etc/motd': 'hello\n' }], platforms = ['linux/amd64'], gzip = false } = options;
  const built = layers.map(layerOf);
  const images = platforms.map((platform) => imageOf(platform, built));
  const tar = tarOf(filesOf(images, built, options));
  return gzip ? gzipSync(tar) : tar;
}

function filesOf(images: readonly TestImage[], layers: readonly TestLayer[], options: ImageTarOptions): LayoutFile[] {
  const { format = 'docker', tags = ['app:latest'] } = options;
  const names = tags.map((tag) => formatReference(parseRepositoryTag(tag)));
  const [first, second] = images;
  if (first === undefined) throw new InvalidArgumentError('imageTar needs a platform at least');
  if (format === 'docker-legacy') {
    if (second !== undefined) throw new InvalidArgumentError('docker-legacy is for one platform only');
    return legacyFiles(first, layers, names);
  }
  if (format !== 'docker' && format !== 'oci') {
    throw new InvalidArgumentError(`there is no format "${String(format)}"`, { hint: 'docker, docker-legacy or oci.' });
  }
  const manifests = images.map(({ manifest }) => manifest);
  const image: StoredImage = { names, manifests: second === undefined ? manifests : [...manifests, rootOf(images)] };
  const blobs = new Map([...layers, ...images.map(({ config }) => config)].map((blob) => [blob.digest, blob.bytes]));
  const files = imageFiles(image, format, parsePlatform(first.platform)).map((file) => withBytes(file, blobs));
  // Docker's classic store knows one platform, and unpacks every layer.
  const isClassic = format === 'docker' && second === undefined && layers.every(isPlain);
  return isClassic ? files.map((file) => withSources(file, layers)) : files;
}

/** How the classic store tells that it made the OCI manifest up (moby `image/tarexport/save.go`). */
function withSources(file: LayoutFile, layers: readonly TestLayer[]): LayoutFile {
  if (file.name !== DOCKER_MANIFEST) return file;
  const [entry] = JSON.parse(String(file.bytes)) as DockerManifestEntry[];
  const LayerSources = Object.fromEntries(layers.map((layer) => [layer.diffId, descriptorOf(layer.mediaType, layer)]));
  const { bytes } = blobOf(JSON.stringify([{ ...entry, LayerSources }]));
  return { ...file, size: bytes.length, bytes };
}

function isPlain({ digest, diffId }: TestLayer): boolean {
  return digest === diffId;
}

function withBytes(file: LayoutFile, blobs: ReadonlyMap<string, Buffer>): LayoutFile {
  const bytes = file.bytes ?? blobs.get(file.name.replace(/^blobs\/(\w+)\//, '$1:'));
  return bytes === undefined ? file : { ...file, bytes };
}

/** A folder per layer, as moby's `image/tarexport/save.go` wrote them. */
function legacyFiles({ config }: TestImage, layers: readonly TestLayer[], names: readonly string[]): LayoutFile[] {
  const path = ({ digest }: TestLayer): string => `${hexOf(digest)}/layer.tar`;
  const configFile = `${hexOf(config.digest)}.json`;
  const entry: DockerManifestEntry = {
    Config: configFile,
    RepoTags: names.length === 0 ? null : names,
    Layers: layers.map(path),
  };
  const files = new Map(layers.map((layer) => [path(layer), layer.bytes]));
  files.set(configFile, config.bytes).set('manifest.json', blobOf(JSON.stringify([entry])).bytes);
  return [...files].map(([name, bytes]) => ({ name, size: bytes.length, bytes }));
}
