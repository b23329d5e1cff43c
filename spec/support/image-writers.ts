import { bytes, digestOfContent } from './content.js';
import { type BuiltImage, type BuiltLayer, hex, legacyId, type StoredGzipped } from './image-model.js';
import type { TarEntry } from './tar-builder.js';

/** How one program lays images out in a tar. */
interface Writer {
  gzipped: StoredGzipped;
  /** @param absentPlatforms - listed in the index although their blobs are not in the tar */
  entries(images: readonly BuiltImage[], absentPlatforms: readonly string[]): TarEntry[];
}

const PLAIN: StoredGzipped = () => false;
const GZIPPED: StoredGzipped = () => true;

const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';

interface ManifestDescriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: object;
  annotations?: Record<string, string>;
}

export const WRITERS = {
  /** `docker save` up to 24: a folder per layer, a layer that occurs again is a symlink, sorted by name. */
  'docker-24': { gzipped: PLAIN, entries: docker24 },
  /** `docker save` from 25 on with overlay2: plain layers under their diff_id, `manifest.json` and an OCI layout. */
  'docker-25': { gzipped: PLAIN, entries: docker25 },
  /** `docker save` with the containerd store: layers as pulled, an index that lists what is not there. */
  'docker-containerd': { gzipped: GZIPPED, entries: dockerContainerd },
  /** skopeo, podman and buildah, `docker-archive:`: layers at the root, legacy folders of symlinks, `manifest.json` late. */
  skopeo: { gzipped: PLAIN, entries: skopeo },
  /** buildx `type=oci`: an OCI layout without `manifest.json`, names as containerd annotates them. */
  oci: { gzipped: GZIPPED, entries: (images) => layout(images.flatMap(blobsOf), images.flatMap(containerdNames)) },
  /** skopeo `oci-archive:`: the same with the whole name in `org.opencontainers.image.ref.name`. */
  'oci-skopeo': { gzipped: GZIPPED, entries: (images) => layout(images.flatMap(blobsOf), images.flatMap(plainNames)) },
  /** An index in the index with one manifest per image, and more platforms than the tar holds. */
  'oci-index': { gzipped: GZIPPED, entries: (images, absent) => indexInIndex(images, absent) },
  /** crane, ko and kaniko: the config is named by its digest, colon included; `manifest.json` comes last. */
  crane: { gzipped: GZIPPED, entries: crane },
  /** nix `streamLayeredImage` on a base that crane wrote: gzip base layer, plain own layers, config and manifest last. */
  nix: { gzipped: (index) => index === 0, entries: nix },
  /** jib: every config is called `config.json`. */
  jib: { gzipped: GZIPPED, entries: jib },
  /** rules_oci: `manifest.json` first, and layers called `.tar.gz` whatever they are. */
  'rules-oci': { gzipped: PLAIN, entries: rulesOci },
} satisfies Record<string, Writer>;

export type ImageFormat = keyof typeof WRITERS;

export function writerOf(format: ImageFormat): Writer {
  return WRITERS[format];
}

function docker24(images: readonly BuiltImage[]): TarEntry[] {
  const first = new Map<string, string>();
  const folders = images.flatMap((image) =>
    image.layers.flatMap((layer, i) => legacyFolder(image, i, docker24Layer(first, layer, legacyId(image, i)))),
  );
  const manifest = manifestJson(images, configJsonName, (_, image, i) => `${legacyId(image, i)}/layer.tar`);
  return once([...folders, ...images.map(configJson), manifest, ...repositories(images)]).sort(byName);
}

function docker24Layer(first: Map<string, string>, layer: BuiltLayer, id: string): Partial<TarEntry> {
  const other = first.get(layer.digest);
  if (other !== undefined) return { linkTo: `../${other}/layer.tar` };
  first.set(layer.digest, id);
  return { content: layer.stored };
}

function docker25(images: readonly BuiltImage[]): TarEntry[] {
  const legacy = images.map((image) => blob(Buffer.from(JSON.stringify({ id: legacyId(image, 0), os: 'linux' }))));
  const blobs = [...images.flatMap(blobsOf), ...legacy].sort(byName);
  const manifest = manifestJson(images, (image) => blobName(image.configDigest), layerBlobName, true);
  return [...layout(blobs, images.flatMap(containerdNames)), manifest, ...repositories(images)];
}

function dockerContainerd(images: readonly BuiltImage[], absent: readonly string[]): TarEntry[] {
  const indexes = images.map((image) => platformIndex([image], absent));
  const names = images.flatMap((image, i) => named(image, indexes[i]!.descriptor));
  const blobs = [...images.flatMap(blobsOf), ...indexes.map((index) => blob(index.bytes))].sort(byName);
  const manifest = manifestJson(images, (image) => blobName(image.configDigest), layerBlobName);
  return [...layout(blobs, names), manifest];
}

function skopeo(images: readonly BuiltImage[]): TarEntry[] {
  const name = (layer: BuiltLayer) => `${hex(layer.diffId)}.tar`;
  const layers = images.flatMap((image) => image.layers.map((layer) => ({ name: name(layer), content: layer.stored })));
  const folders = images.flatMap((image) =>
    image.layers.flatMap((layer, i) => legacyFolder(image, i, { linkTo: `../${name(layer)}` }).slice(1)),
  );
  const manifest = manifestJson(images, configJsonName, name);
  return [...once([...layers, ...images.map(configJson), ...folders]), manifest, ...repositories(images)];
}

function indexInIndex(images: readonly BuiltImage[], absent: readonly string[]): TarEntry[] {
  const index = platformIndex(images, absent);
  const blobs = [...images.flatMap(blobsOf), blob(index.bytes)];
  return layout(blobs, named(images[0]!, index.descriptor));
}

function crane(images: readonly BuiltImage[]): TarEntry[] {
  const configName = (image: BuiltImage) => image.configDigest;
  const configs = images.map((image) => ({ name: configName(image), content: image.config }));
  return [...once([...configs, ...images.flatMap(gzipFiles)]), manifestJson(images, configName, gzipName)];
}

function nix(images: readonly BuiltImage[]): TarEntry[] {
  const name = (layer: BuiltLayer, _image: BuiltImage, i: number) =>
    i === 0 ? gzipName(layer) : `${hex(layer.diffId)}/layer.tar`;
  const layers = images.flatMap((image) =>
    image.layers.map((layer, i) => ({ name: name(layer, image, i), content: layer.stored })),
  );
  return [...once(layers), ...images.map(configJson), manifestJson(images, configJsonName, name)];
}

function jib(images: readonly BuiltImage[]): TarEntry[] {
  const configs = images.map((image) => ({ name: 'config.json', content: image.config }));
  return [...once([...images.flatMap(gzipFiles), ...configs]), manifestJson(images, () => 'config.json', gzipName)];
}

function rulesOci(images: readonly BuiltImage[]): TarEntry[] {
  const name = (layer: BuiltLayer) => `${blobName(layer.digest)}.tar.gz`;
  const manifest = manifestJson(images, (image) => blobName(image.configDigest), name);
  const layers = images.flatMap((image) => image.layers.map((layer) => ({ name: name(layer), content: layer.stored })));
  return [manifest, ...once([...images.map((image) => blob(image.config)), ...layers])];
}

// The parts that the layouts are made of.

function manifestJson(
  images: readonly BuiltImage[],
  configName: (image: BuiltImage) => string,
  layerName: (layer: BuiltLayer, image: BuiltImage, index: number) => string,
  withSources = false,
): TarEntry {
  const items = images.map((image) => ({
    Config: configName(image),
    RepoTags: image.tags,
    Layers: image.layers.map((layer, i) => layerName(layer, image, i)),
    ...(withSources ? { LayerSources: layerSources(image) } : {}),
  }));
  return { name: 'manifest.json', content: JSON.stringify(items) };
}

/** What docker 25 and later write for ordinary layers too. */
function layerSources(image: BuiltImage) {
  return Object.fromEntries(image.layers.map((layer) => [layer.diffId, layerDescriptor(layer)]));
}

function layerDescriptor(layer: BuiltLayer) {
  const mediaType = `application/vnd.oci.image.layer.v1.tar${layer.stored === layer.plain ? '' : '+gzip'}`;
  return { mediaType, digest: layer.digest, size: layer.stored.size };
}

/** The file of Docker before 1.10: repository → tag → folder of the last layer. Not written for images without tags. */
function repositories(images: readonly BuiltImage[]): TarEntry[] {
  const table: Record<string, Record<string, string>> = {};
  for (const image of images) {
    for (const tag of image.tags ?? []) {
      const colon = tag.lastIndexOf(':');
      (table[tag.slice(0, colon)] ??= {})[tag.slice(colon + 1)] = legacyId(image, image.layers.length - 1);
    }
  }
  return Object.keys(table).length === 0 ? [] : [{ name: 'repositories', content: JSON.stringify(table) }];
}

function legacyFolder(image: BuiltImage, index: number, layer: Partial<TarEntry>): TarEntry[] {
  const id = legacyId(image, index);
  const parent = index === 0 ? {} : { parent: legacyId(image, index - 1) };
  return [
    { name: `${id}/` },
    { name: `${id}/VERSION`, content: '1.0' },
    { name: `${id}/json`, content: JSON.stringify({ id, ...parent, os: 'linux' }) },
    { name: `${id}/layer.tar`, ...layer },
  ];
}

function configJsonName(image: BuiltImage): string {
  return `${hex(image.configDigest)}.json`;
}

function configJson(image: BuiltImage): TarEntry {
  return { name: configJsonName(image), content: image.config };
}

function gzipName(layer: BuiltLayer): string {
  return `${hex(layer.digest)}.tar.gz`;
}

function gzipFiles(image: BuiltImage): TarEntry[] {
  return image.layers.map((layer) => ({ name: gzipName(layer), content: layer.stored }));
}

function layout(blobs: readonly TarEntry[], manifests: readonly ManifestDescriptor[]): TarEntry[] {
  return [
    { name: 'blobs/' },
    { name: 'blobs/sha256/' },
    ...once(blobs),
    { name: 'index.json', content: JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }) },
    { name: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
  ];
}

function blobsOf(image: BuiltImage): TarEntry[] {
  const layers = image.layers.map((layer) => ({ name: blobName(layer.digest), content: layer.stored }));
  return [blob(image.config), ...layers, blob(ociManifest(image).bytes)];
}

function blob(content: Buffer): TarEntry {
  return { name: blobName(digestOfContent(bytes(content))), content };
}

function blobName(digest: string): string {
  return `blobs/sha256/${hex(digest)}`;
}

function layerBlobName(layer: BuiltLayer): string {
  return blobName(layer.digest);
}

/** The OCI manifest of an image, as the formats with an OCI layout store it. */
export function ociManifest(image: BuiltImage): { bytes: Buffer; descriptor: ManifestDescriptor } {
  const mediaType = 'application/vnd.oci.image.config.v1+json';
  const config = { mediaType, digest: image.configDigest, size: image.config.length };
  return encoded(OCI_MANIFEST, { config, layers: image.layers.map(layerDescriptor) });
}

function platformIndex(images: readonly BuiltImage[], absentPlatforms: readonly string[]) {
  const present = images.map((image) => ({ ...ociManifest(image).descriptor, platform: image.platform }));
  const absent = absentPlatforms.map(absentManifest);
  const attestation = { ...absentManifest('unknown/unknown'), annotations: attests(present[0]?.digest ?? '') };
  return encoded(OCI_INDEX, { manifests: [...present, ...absent, attestation] });
}

function absentManifest(platform: string): ManifestDescriptor {
  const [os, architecture] = platform.split('/');
  const digest = digestOfContent(bytes(`the manifest for ${platform} that is not in the tar`));
  return { mediaType: OCI_MANIFEST, digest, size: 1234, platform: { os, architecture } };
}

/** How buildkit marks provenance. Source: buildkit `docs/attestations/attestation-storage.md`. */
function attests(digest: string): Record<string, string> {
  return { 'vnd.docker.reference.digest': digest, 'vnd.docker.reference.type': 'attestation-manifest' };
}

function encoded(mediaType: string, fields: object): { bytes: Buffer; descriptor: ManifestDescriptor } {
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...fields }));
  return {
    bytes: manifest,
    descriptor: { mediaType, digest: digestOfContent(bytes(manifest)), size: manifest.length },
  };
}

function containerdNames(image: BuiltImage): ManifestDescriptor[] {
  return named(image, ociManifest(image).descriptor);
}

/** One descriptor per tag, because an annotation holds one name. */
function named(image: BuiltImage, descriptor: ManifestDescriptor): ManifestDescriptor[] {
  if (!image.tags?.length) return [descriptor];
  return image.tags.map((tag) => ({
    ...descriptor,
    annotations: {
      'io.containerd.image.name': withDockerHub(tag),
      'org.opencontainers.image.ref.name': tag.slice(tag.lastIndexOf(':') + 1),
    },
  }));
}

function plainNames(image: BuiltImage): ManifestDescriptor[] {
  const { descriptor } = ociManifest(image);
  if (!image.tags?.length) return [descriptor];
  return image.tags.map((tag) => ({ ...descriptor, annotations: { 'org.opencontainers.image.ref.name': tag } }));
}

/** containerd writes every name in full. */
function withDockerHub(tag: string): string {
  const [first = '', ...rest] = tag.split('/');
  if (rest.length > 0 && (/[.:]/.test(first) || first === 'localhost')) return tag;
  return rest.length > 0 ? `docker.io/${tag}` : `docker.io/library/${tag}`;
}

function once(entries: readonly TarEntry[]): TarEntry[] {
  return [...new Map(entries.map((entry) => [entry.name, entry])).values()];
}

function byName(a: TarEntry, b: TarEntry): number {
  return a.name < b.name ? -1 : 1;
}
