/**
 * Media types of the image spec and of Docker's schema 2. Source: image-spec v1.1,
 * [media-types.md](https://github.com/opencontainers/image-spec/blob/v1.1.0/media-types.md).
 */
export const MediaType = {
  /** An image or an artifact. */
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  /** A list of manifests. */
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  /** The configuration of an image. */
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  /** A layer, a plain tar. */
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  /** A layer, packed with gzip. */
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  /** A layer, packed with zstd; Docker's manifests have no type for that. */
  ociLayerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  /** The two bytes `{}`, where an artifact needs no config or no layer. */
  ociEmpty: 'application/vnd.oci.empty.v1+json',
  /** An image, in Docker's words. */
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  /** A list of manifests, in Docker's words. */
  dockerManifestList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  /** The configuration of an image, in Docker's words. */
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  /** A layer, a plain tar, in Docker's words. */
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  /** A layer, packed with gzip, in Docker's words. */
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  /** A layer that is downloaded elsewhere, as of Windows; not pushed. */
  dockerForeignLayer: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
  /** Any bytes; what blobs are uploaded as. */
  octetStream: 'application/octet-stream',
} as const;

/** The four manifest types this client reads, in the order it prefers them. */
export const MANIFEST_MEDIA_TYPES: readonly string[] = [
  MediaType.ociIndex,
  MediaType.ociManifest,
  MediaType.dockerManifestList,
  MediaType.dockerManifest,
];

export function isIndexMediaType(mediaType: string): boolean {
  return mediaType === MediaType.ociIndex || mediaType === MediaType.dockerManifestList;
}

export function isManifestMediaType(mediaType: string): boolean {
  return MANIFEST_MEDIA_TYPES.includes(mediaType);
}

/** The type without parameters, lower-cased: `application/json; charset=utf-8` → `application/json`. */
export function bareMediaType(contentType: string): string {
  return (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
}
