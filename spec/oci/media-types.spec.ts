import { describe, expect, it } from '@jest/globals';
import {
  bareMediaType,
  isIndexMediaType,
  isManifestMediaType,
  MANIFEST_MEDIA_TYPES,
  MediaType,
} from '../../lib/oci/media-types.js';

describe('media types', () => {
  it('of manifests are the four that registries serve, OCI before Docker', () => {
    expect(MANIFEST_MEDIA_TYPES).toEqual([
      'application/vnd.oci.image.index.v1+json',
      'application/vnd.oci.image.manifest.v1+json',
      'application/vnd.docker.distribution.manifest.list.v2+json',
      'application/vnd.docker.distribution.manifest.v2+json',
    ]);
    expect(MANIFEST_MEDIA_TYPES.every(isManifestMediaType)).toBe(true);
  });

  it('of indexes are two of them', () => {
    expect(MANIFEST_MEDIA_TYPES.filter(isIndexMediaType)).toEqual([MediaType.ociIndex, MediaType.dockerManifestList]);
  });

  it.each([MediaType.ociConfig, MediaType.ociLayerGzip, MediaType.dockerConfig, 'application/json', ''])(
    'of a manifest do not include "%s"',
    (mediaType) => {
      expect(isManifestMediaType(mediaType)).toBe(false);
      expect(isIndexMediaType(mediaType)).toBe(false);
    },
  );

  it('do not include schema 1, which is no longer supported', () => {
    expect(isManifestMediaType('application/vnd.docker.distribution.manifest.v1+prettyjws')).toBe(false);
  });
});

describe('bareMediaType', () => {
  it.each([
    ['application/json', 'application/json'],
    ['application/json; charset=utf-8', 'application/json'],
    ['  Application/JSON ;charset=UTF-8; q=1', 'application/json'],
    ['', ''],
    [';', ''],
  ])('of "%s" is "%s"', (contentType, bare) => {
    expect(bareMediaType(contentType)).toBe(bare);
  });
});
