import { describe, expect, it } from '@jest/globals';
import type { ArchiveImage, ArchiveManifest } from '../../lib/archive/archive-image.js';
import { GzipCompressor } from '../../lib/compression/gzip-compressor.js';
import type { Compressor } from '../../lib/compression/compressor.js';
import { ValidationError } from '../../lib/errors.js';
import type { Descriptor } from '../../lib/oci/descriptor.js';
import { digestOf } from '../../lib/oci/digest.js';
import type { RawManifest } from '../../lib/oci/manifest.js';
import { planWork, type PushWork } from '../../lib/transfer/plan.js';
import { gzipLayer, imageOf, manifestOf, ociLayer, ociManifestOf, plainLayer } from './archive-model.js';

const gzip = new GzipCompressor();
const zstd: Compressor = { packing: 'zstd', compress: (source) => source };

function targetOf(image: ArchiveImage, name = 'app:1') {
  const [repository = '', tag = ''] = name.split(':');
  return { image, repository, tag };
}

function planOf(manifests: readonly ArchiveManifest[], compressor: Compressor | 'none' = gzip): PushWork {
  return planWork([targetOf(imageOf(manifests))], compressor === 'none' ? undefined : compressor);
}

/** A descriptor for every key, as a push finds them. */
function digestsOf({ blobs }: PushWork): Map<string, Descriptor> {
  return new Map(
    blobs.map(({ content: { key } }, i) => [key, { mediaType: 'found', digest: digestOf(key), size: 100 + i }]),
  );
}

function builtBy(plan: PushWork): RawManifest[] {
  return [...plan.manifests.values()].flat().map((manifest) => manifest.build(digestsOf(plan)));
}

describe('planWork', () => {
  const [one, two] = [plainLayer('one', { position: 512 }), plainLayer('two', { position: 2048 })];

  it('plans the config and every layer', () => {
    const manifest = manifestOf([one, two]);
    expect(planOf([manifest]).blobs).toEqual([
      { content: expect.objectContaining({ entry: manifest.config.entry }), repositories: ['app'] },
      { content: expect.objectContaining({ entry: one.entry, position: 512 }), repositories: ['app'] },
      { content: expect.objectContaining({ entry: two.entry, position: 2048 }), repositories: ['app'] },
    ]);
  });

  it('plans nothing for no targets', () => {
    expect(planWork([], gzip)).toEqual({ blobs: [], manifests: new Map() });
  });

  describe('plans a content once', () => {
    const keys = ({ blobs }: PushWork) => blobs.map(({ content }) => content.key);

    it('that occurs twice in one image', () => {
      const plan = planOf([manifestOf([one, two, plainLayer('one', { entry: 'again', position: 4096 })])]);
      expect(keys(plan)).toHaveLength(3);
      expect(builtBy(plan)[0]!.manifest).toMatchObject({
        layers: [{ digest: digestOf(keys(plan)[1]!) }, {}, { digest: digestOf(keys(plan)[1]!) }],
      });
    });

    it('that several images share', () => {
      const images = [imageOf([manifestOf([one])]), imageOf([manifestOf([one, two])])];
      const plan = planWork(
        images.map((image, i) => targetOf(image, `app:${i}`)),
        gzip,
      );
      expect(keys(plan)).toHaveLength(4);
    });

    it('that goes to several tags', () => {
      const image = imageOf([manifestOf([one])]);
      const plan = planWork([targetOf(image, 'app:1'), targetOf(image, 'app:2')], gzip);
      expect(plan.blobs.map(({ repositories }) => repositories)).toEqual([['app'], ['app']]);
      expect(plan.manifests.size).toBe(1);
    });

    it('that goes to several repositories, in the order they are asked for', () => {
      const image = imageOf([manifestOf([one])]);
      const plan = planWork([targetOf(image, 'b:1'), targetOf(image, 'a:1'), targetOf(image, 'b:2')], gzip);
      expect(plan.blobs.map(({ repositories }) => repositories)).toEqual([
        ['b', 'a'],
        ['b', 'a'],
      ]);
    });

    it('only in the repositories that need it', () => {
      const [first, second] = [imageOf([manifestOf([one])]), imageOf([manifestOf([two])])];
      const plan = planWork([targetOf(first, 'a:1'), targetOf(second, 'b:1')], gzip);
      expect(plan.blobs.map(({ content, repositories }) => [content.entry.slice(0, 3), ...repositories])).toEqual(
        expect.arrayContaining([
          ['one', 'a'],
          ['two', 'b'],
        ]),
      );
    });

    it('that an index has for several platforms', () => {
      const layer = ociLayer('shared');
      const platforms = ['amd64', 'arm64'].map((architecture) =>
        ociManifestOf([layer], { platform: { os: 'linux', architecture } }),
      );
      expect(keys(planOf(platforms))).toHaveLength(3);
    });

    it('that is packed in one place under several names', () => {
      const layer = gzipLayer('packed', { position: 512 });
      const plan = planOf([manifestOf([layer, { ...layer, entry: 'a link to it' }])]);
      expect(keys(plan)).toHaveLength(2);
    });

    it('but not when equal layers are packed in different places, whose bytes may differ', () => {
      const plan = planOf([
        manifestOf([gzipLayer('packed', { position: 512 }), gzipLayer('packed', { position: 1024 })]),
      ]);
      expect(keys(plan)).toHaveLength(3);
    });

    it('that is the config of an artifact and its only layer', () => {
      const manifest = ociManifestOf([]);
      const { digest, bytes, entry } = manifest.config;
      const descriptor = { mediaType: 'application/vnd.oci.empty.v1+json', digest, size: bytes.length };
      const { diffId: _diffId, ...layer } = plainLayer('', { entry, descriptor });
      expect(keys(planOf([{ ...manifest, layers: [layer] }]))).toEqual([digest]);
    });
  });

  describe('when configs do not agree on a layer', () => {
    it.each([
      ['described', ociLayer('layer')],
      ['packed', gzipLayer('layer')],
    ])('refuses a %s one before it is read, and names the entry', (_, layer) => {
      const other = { ...layer, diffId: digestOf('another') };
      const plan = () => planOf([manifestOf([layer]), manifestOf([other])]);
      expect(plan).toThrow(ValidationError);
      expect(plan).toThrow(`${layer.entry} cannot have both diff_ids`);
      expect(plan).toThrow(`${layer.diffId} and ${other.diffId}`);
    });

    it('checks both claims where both are read', () => {
      const other = { ...one, diffId: digestOf('another') };
      expect(planOf([manifestOf([one, other])]).blobs).toHaveLength(3);
    });

    it('checks the claim of the one that makes one', () => {
      const layer = ociLayer('layer');
      const { diffId: _diffId, ...claimless } = layer;
      for (const layers of [
        [layer, claimless],
        [claimless, layer],
      ]) {
        const { blobs } = planOf([manifestOf(layers)]);
        expect(blobs.map(({ content }) => content.diffId)).toEqual([undefined, layer.diffId]);
      }
    });
  });

  describe('the manifest of docker save', () => {
    it('is what docker push writes', () => {
      const manifest = manifestOf([one, gzipLayer('packed')]);
      const plan = planOf([manifest]);
      const [config, first, second] = plan.blobs.map(({ content }) => digestOf(content.key));
      const [raw] = builtBy(plan);
      const layerType = 'application/vnd.docker.image.rootfs.diff.tar.gzip';
      expect(raw!.bytes.toString()).toBe(
        '{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json",' +
          `"config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":100,"digest":"${config}"},` +
          `"layers":[{"mediaType":"${layerType}","size":101,"digest":"${first}"},` +
          `{"mediaType":"${layerType}","size":102,"digest":"${second}"}]}`,
      );
      expect(raw!.descriptor).toEqual({
        mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
        digest: digestOf(raw!.bytes),
        size: raw!.bytes.length,
      });
    });

    it('calls plain layers plain', () => {
      const [raw] = builtBy(planOf([manifestOf([one, gzipLayer('packed')])], 'none'));
      expect(raw!.manifest).toMatchObject({
        mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
        layers: [
          { mediaType: 'application/vnd.docker.image.rootfs.diff.tar' },
          { mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip' },
        ],
      });
    });

    it('has no layers when the image has none', () => {
      expect(builtBy(planOf([manifestOf([])]))[0]!.manifest).toMatchObject({ layers: [] });
    });

    it.each([
      ['is compressed so', one, zstd],
      ['lies so in the archive', { ...gzipLayer('packed'), packing: 'zstd' as const }, gzip],
    ])('is OCI when a layer %s with zstd, for which Docker has no type', (_, layer, compressor) => {
      const layers = [layer, gzipLayer('other', { position: 9000 })];
      expect(builtBy(planOf([manifestOf(layers)], compressor))[0]!.manifest).toMatchObject({
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        config: { mediaType: 'application/vnd.oci.image.config.v1+json' },
        layers: [
          { mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd' },
          { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' },
        ],
      });
    });

    it('calls the plain layers of such an image by their OCI name', () => {
      const layers = [{ ...gzipLayer('packed'), packing: 'zstd' as const }, one];
      expect(builtBy(planOf([manifestOf(layers)], 'none'))[0]!.manifest).toMatchObject({
        layers: [{}, { mediaType: 'application/vnd.oci.image.layer.v1.tar' }],
      });
    });
  });

  describe('a foreign layer', () => {
    const foreign: Descriptor = {
      mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
      digest: digestOf('windows'),
      size: 1234,
      urls: ['https://example.com/layer'],
    };

    it('is named in the manifest, in docker’s order, and not pushed', () => {
      const plan = planOf([manifestOf([{ entry: 'windows/layer.tar', foreign }, one])]);
      expect(plan.blobs).toHaveLength(2);
      expect(builtBy(plan)[0]!.bytes.toString()).toContain(
        `"layers":[{"mediaType":"${foreign.mediaType}","size":1234,"digest":"${foreign.digest}",` +
          '"urls":["https://example.com/layer"]},{',
      );
    });
  });

  describe('a manifest of the archive', () => {
    it('is kept byte for byte', () => {
      const manifest = ociManifestOf([ociLayer('one'), ociLayer('two')]);
      const bytes = Buffer.from(`${manifest.raw!.bytes.toString()}\n`);
      const raw = { ...manifest.raw!, bytes };
      const plan = planOf([{ ...manifest, raw }]);
      expect(builtBy(plan)).toEqual([raw]);
      expect(plan.blobs.map(({ content }) => content.packing)).toEqual(['none', 'gzip', 'gzip']);
    });

    it('has its plain layers pushed plain, whatever the compressor', () => {
      const plain = plainLayer('plain');
      const descriptor = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: plain.diffId!, size: 5 };
      const plan = planOf([ociManifestOf([{ ...plain, descriptor }])], zstd);
      expect(plan.blobs.map(({ content }) => content.compresses)).toEqual([false, false]);
    });
  });
});
