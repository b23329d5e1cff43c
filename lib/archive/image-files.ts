import type { Descriptor } from '../oci/descriptor.js';
import { isIndex, type RawManifest } from '../oci/manifest.js';
import { MediaType } from '../oci/media-types.js';
import { type Platform, platformMatches } from '../oci/platform.js';
import { OCI_INDEX } from './oci-archive.js';
import { blobPath } from './oci-image.js';
import { DOCKER_MANIFEST, type DockerManifestEntry } from './docker-archive.js';
import type { LayoutFile } from './tar-layout.js';

/** `docker`: an OCI image layout with a `manifest.json` beside it, as docker ≥ 25 writes; `oci`: the layout alone. */
export type ArchiveFormat = 'docker' | 'oci';

/** An image or an index as a registry served it, with everything below it. */
export interface StoredImage {
  /** What the archive is saved under, each `[host[:port]/]repository:tag`; none when it was asked for by digest alone. */
  names: readonly string[];
  /** Children before the indexes that list them; the last one is the root. */
  manifests: readonly RawManifest[];
}

/**
 * The files of an archive: an OCI image layout, and for `docker` a `manifest.json` beside it, as docker ≥ 25 writes. The
 * manifests are kept byte for byte, so that a push back gives the same digest.
 * Source: image-spec v1.1 image-layout.md; moby `image/tarexport/load.go`.
 * @param preferred - the platform `manifest.json` describes where there are several: it knows only one per name
 */
export function imageFiles(image: StoredImage, format: ArchiveFormat, preferred: Platform): LayoutFile[] {
  const blobs = new Map<string, LayoutFile>();
  for (const { descriptor, bytes } of image.manifests) {
    blobs.set(descriptor.digest, { name: blobPath(descriptor.digest), size: bytes.length, bytes });
  }
  for (const { digest, size } of storedBlobs(image)) {
    if (!blobs.has(digest)) blobs.set(digest, { name: blobPath(digest), size });
  }
  const files = [...directories(blobs.keys()), ...blobs.values(), ...layoutFiles(image)];
  return format === 'oci' ? files : [...files, json(DOCKER_MANIFEST, dockerManifest(image, preferred))];
}

/** Every config and layer, each digest once; foreign layers stay where they are. */
export function storedBlobs({ manifests }: Pick<StoredImage, 'manifests'>): Descriptor[] {
  const blobs = manifests.flatMap(({ manifest }) => (isIndex(manifest) ? [] : [manifest.config, ...manifest.layers]));
  const stored = blobs.filter(({ urls }) => !urls?.length);
  return [...new Map(stored.map((blob) => [blob.digest, blob])).values()];
}

function directories(digests: Iterable<string>): LayoutFile[] {
  const algorithms = new Set([...digests].map((digest) => digest.slice(0, digest.indexOf(':'))));
  return ['blobs/', ...[...algorithms].map((algorithm) => `blobs/${algorithm}/`)].map((name) => ({ name, size: 0 }));
}

/** With one descriptor per name, because an annotation holds one. */
function layoutFiles({ names, manifests }: StoredImage): LayoutFile[] {
  const { mediaType, digest, size } = (manifests.at(-1) as RawManifest).descriptor;
  const root = { mediaType, digest, size };
  const named = names.map((name) => ({ ...root, annotations: annotationsFor(name) }));
  const index = { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: named.length === 0 ? [root] : named };
  return [json(OCI_INDEX, index), json('oci-layout', { imageLayoutVersion: '1.0.0' })];
}

/** The full name is containerd's, the tag alone is the spec's. */
function annotationsFor(name: string): Record<string, string> {
  const tag = name.slice(name.lastIndexOf(':') + 1);
  return { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': tag };
}

function dockerManifest(image: StoredImage, preferred: Platform): DockerManifestEntry[] {
  const chosen = dockerImage(image.manifests, preferred);
  if (!chosen || isIndex(chosen.manifest)) return [];
  const { config, layers } = chosen.manifest;
  return [
    {
      Config: blobPath(config.digest),
      RepoTags: image.names.length === 0 ? null : image.names,
      Layers: layers.map(({ digest }) => blobPath(digest)),
    },
  ];
}

/** The image for the preferred platform, else the first that is an image at all and no attestation. */
function dockerImage(manifests: readonly RawManifest[], preferred: Platform): RawManifest | undefined {
  const listed = manifests.flatMap(({ manifest }) => (isIndex(manifest) ? manifest.manifests : []));
  const wanted = listed.find(({ platform }) => platform && platformMatches(preferred, platform));
  const first = listed.find(({ platform }) => platform?.os !== 'unknown');
  const digest = wanted?.digest ?? first?.digest;
  return manifests.find(
    ({ descriptor, manifest }) => !isIndex(manifest) && (digest === undefined || descriptor.digest === digest),
  );
}

function json(name: string, value: unknown): LayoutFile {
  const bytes = Buffer.from(JSON.stringify(value));
  return { name, size: bytes.length, bytes };
}
