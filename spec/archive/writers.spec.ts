import { describe, expect, it } from '@jest/globals';
import type { ArchiveManifest } from '../../lib/archive/archive-image.js';
import { isForeign } from '../../lib/archive/archive-image.js';
import { TarArchive } from '../../lib/archive/tar-archive.js';
import { digestOf } from '../../lib/oci/digest.js';
import { type Content, noise } from '../support/content.js';
import { imageTar, type ImageTar, type ImageTarOptions } from '../support/image-tar.js';
import { type ImageFormat, WRITERS } from '../support/image-writers.js';
import { layerOf, type TarEntry } from '../support/tar-builder.js';
import { bytesOf } from './reading.js';

/*
 * For every program that writes image archives: what comes out is what went in.
 */

const FORMATS = Object.keys(WRITERS) as ImageFormat[];
const BASE = layerOf({ 'bin/sh': noise(5000) });
const LAYERS = [BASE, layerOf({ app: 'application' }), BASE];
const TAGS = ['spec/app:1.0', 'localhost:5000/team/app:prod'];

/** What only some writers do. */
const KEEPS_MANIFEST: readonly ImageFormat[] = ['docker-containerd', 'oci', 'oci-skopeo', 'oci-index'];
const FULL_NAMES: readonly ImageFormat[] = ['oci', 'oci-index'];
const TWO_PLATFORMS: readonly ImageFormat[] = ['oci-index'];
const WITH_ABSENT: readonly ImageFormat[] = ['docker-containerd', 'oci-index'];

function packingOf(format: ImageFormat, layer: number): string {
  return WRITERS[format].gzipped(layer) ? 'gzip' : 'none';
}

function expectedTags(format: ImageFormat): string[] {
  return FULL_NAMES.includes(format) ? ['docker.io/spec/app:1.0', 'localhost:5000/team/app:prod'] : TAGS;
}

async function expectImage(manifest: ArchiveManifest, built: ImageTar['images'][number], layers: ImageTar['layers']) {
  expect(manifest.config.bytes.equals(built.config)).toBe(true);
  expect(manifest.config.digest).toBe(built.configDigest);
  expect(manifest.platform).toEqual(built.platform);
  expect(manifest.layers).toHaveLength(layers.length);
  for (const [i, layer] of manifest.layers.entries()) {
    if (isForeign(layer)) throw new Error('it is foreign');
    expect([layer.diffId, layer.size]).toEqual([layers[i]!.diffId, layers[i]!.stored.length]);
    expect((await bytesOf(layer.open())).equals(layers[i]!.stored)).toBe(true);
  }
}

async function opened<T>(
  options: ImageTarOptions,
  work: (archive: TarArchive, built: ImageTar) => Promise<T>,
): Promise<T> {
  const built = imageTar(options);
  const archive = await TarArchive.open(built.tar);
  try {
    return await work(archive, built);
  } finally {
    await archive.close();
  }
}

describe.each(FORMATS)('an archive as of %s', (format) => {
  const options: ImageTarOptions = { format, layers: LAYERS, tags: TAGS };

  it.each<[string, Partial<ImageTarOptions>]>([
    ['as it is', {}],
    ['with ./ before every name', { dotSlash: true }],
    ['without the blocks of zeros at its end', { end: false }],
    ['packed whole', { outer: 'gzip' }],
    ['packed whole, with ./ before every name', { outer: 'gzip', dotSlash: true }],
    ['in the opposite order', { transform: (entries) => [...entries].reverse() }],
    ['in the opposite order, packed whole', { outer: 'gzip', transform: (entries) => [...entries].reverse() }],
    ['with every entry twice', { transform: (entries) => [...entries, ...entries] }],
  ])('yields what went in: %s', async (_, change) => {
    await opened({ ...options, ...change }, async (archive, built) => {
      expect(await archive.validate()).toEqual({ valid: true, problems: [] });
      expect(archive.originalTags).toEqual(expectedTags(format));
      expect(archive.images).toHaveLength(1);
      const { manifests, indexes } = archive.images[0]!;
      const platforms = TWO_PLATFORMS.includes(format) ? 2 : 1;
      expect([manifests.length, indexes.length]).toEqual([platforms, platforms - 1]);
      await expectImage(manifests[0]!, built.images[0]!, built.layers);
    });
  });

  it('has the packing that the bytes have', async () => {
    await opened(options, (archive) => {
      const packings = archive.images[0]!.manifests[0]!.layers.map((layer) =>
        'packing' in layer ? layer.packing : '',
      );
      // A layer that occurs again is stored once.
      expect(packings).toEqual(LAYERS.map((layer) => packingOf(format, LAYERS.indexOf(layer))));
      return Promise.resolve();
    });
  });

  it('keeps a manifest where it has one of an image as it was pulled, and no other', async () => {
    await opened(options, (archive) => {
      const [manifest] = archive.images[0]!.manifests;
      if (KEEPS_MANIFEST.includes(format)) {
        expect(manifest!.raw!.descriptor.digest).toBe(digestOf(manifest!.raw!.bytes));
        expect(manifest!.layers.every((layer) => 'descriptor' in layer)).toBe(true);
      } else {
        expect(manifest!.raw).toBeUndefined();
      }
      return Promise.resolve();
    });
  });

  it('tells which platforms it lists and does not hold', async () => {
    await opened({ ...options, absentPlatforms: ['linux/s390x', 'linux/riscv64'] }, (archive) => {
      const omitted = archive.images[0]!.omitted.map((line) => line.replace(/ sha256:[0-9a-f]{64}$/, ''));
      expect(omitted).toEqual(WITH_ABSENT.includes(format) ? ['linux/s390x', 'linux/riscv64', 'attestation'] : []);
      return Promise.resolve();
    });
  });

  it.each([[null], [[]]])('has no tag where the writer was given %j', async (tags) => {
    await opened({ ...options, tags }, async (archive) => {
      expect([archive.originalTags, archive.images.length]).toEqual([[], 1]);
      expect((await archive.validate()).valid).toBe(true);
    });
  });

  it('yields images of another platform', async () => {
    await opened({ ...options, platform: 'linux/arm64/v8' }, (archive) => {
      const { platform } = archive.images[0]!.manifests[0]!;
      expect(platform).toEqual({ os: 'linux', architecture: 'arm64', variant: 'v8' });
      return Promise.resolve();
    });
  });

  it('yields an image without layers', async () => {
    // With no layer at hand there is nothing to prefer the OCI manifest for.
    await opened({ ...options, layers: [] }, async (archive, { configDigest }) => {
      const { manifests } = archive.images[0]!;
      expect(manifests[0]).toMatchObject({ config: { digest: configDigest }, layers: [] });
      expect((await archive.validate()).valid).toBe(true);
    });
  });
});

/** Jib calls every config `config.json`, and an index is of one image only. */
const WITH_SEVERAL = FORMATS.filter((format) => format !== 'jib' && format !== 'oci-index');

describe.each(WITH_SEVERAL)('an archive of several images as of %s', (format) => {
  const images = ['a', 'b', 'c'].map((name) => ({
    tags: [`${name}:1`, `${name}:2`],
    layers: [BASE, layerOf({ [name]: name })] as Content[],
  }));

  it('yields them with their own tags and layers', async () => {
    await opened({ format, images }, async (archive, built) => {
      const tags = archive.images.map((image) => image.tags.map((tag) => tag.replace('docker.io/library/', '')));
      expect(tags).toEqual([['a:1', 'a:2'], ['b:1', 'b:2'], ['c:1', 'c:2']]); // prettier-ignore
      expect(archive.images.map(({ manifests }) => manifests[0]!.config.digest)).toEqual(
        built.images.map(({ configDigest }) => configDigest),
      );
      for (const [i, { manifests }] of archive.images.entries()) {
        const diffIds = manifests[0]!.layers.map((layer) => ('diffId' in layer ? layer.diffId : undefined));
        expect(diffIds).toEqual(built.images[i]!.layers.map(({ diffId }) => diffId));
      }
      expect((await archive.validate()).valid).toBe(true);
    });
  });
});

describe('an archive as of the containerd store', () => {
  const options: ImageTarOptions = { format: 'docker-containerd', layers: LAYERS, tags: ['spec/app:1.0'] };

  it('yields the OCI image where manifest.json names a config that is not there', async () => {
    const other = '0'.repeat(64);
    const transform = (entries: TarEntry[]): TarEntry[] =>
      entries.map((entry) =>
        entry.name === 'manifest.json'
          ? {
              ...entry,
              content: (entry.content as string).replace(/("Config":"blobs\/sha256\/)[0-9a-f]+/, `$1${other}`),
            }
          : entry,
      );
    await opened({ ...options, transform }, async (archive) => {
      expect(archive.originalTags).toEqual(['docker.io/spec/app:1.0']);
      expect(archive.images[0]!.manifests[0]!.raw).toBeDefined();
      expect((await archive.validate()).valid).toBe(true);
    });
  });

  it('is refused where manifest.json names a config outside of it', async () => {
    const archive = await TarArchive.open(imageTar({ ...options, configPath: '../../etc/passwd' }).tar);
    expect(await archive.validate()).toEqual({
      valid: false,
      problems: [{ entry: '../../etc/passwd', message: 'leaves the archive' }],
    });
    expect(() => archive.images).toThrow('../../etc/passwd leaves the archive');
  });

  it('is refused where the layers of the only platform are missing, naming them', async () => {
    const built = imageTar({ ...options, missingLayer: 0 });
    const archive = await TarArchive.open(built.tar);
    expect(() => archive.images).toThrow(`blobs/sha256/${built.layers[0]!.digest.slice(7)} is not in the archive`);
  });
});
