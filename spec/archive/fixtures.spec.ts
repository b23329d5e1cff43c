import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { type ArchiveLayer, type ArchiveManifest, isForeign } from '../../lib/archive/archive-image.js';
import { TarArchive } from '../../lib/archive/tar-archive.js';
import { ValidationError } from '../../lib/errors.js';
import { digestOf } from '../../lib/oci/digest.js';
import { readWithNodeTar } from '../support/node-tar-reader.js';
import { bytesOf, errorOf } from './reading.js';

/*
 * Archives that docker and skopeo wrote of two small images; what they must yield was found out with those programs.
 */

const APP = {
  digest: 'sha256:f4d781bfd16a992c24bf51e117f020f109b47d78241b66747b2848687581c20d',
  size: 3591,
  tags: [
    'fixture/app:1.2.3',
    'fixture/app:latest',
    'localhost:5000/team/app:prod',
    'registry.example.com:8443/a/b/c/app:x',
  ],
  diffIds: [
    'sha256:c562b74c5b49959349c49954e456d85708dfd5d360c9d9561d7319498f75aad0',
    'sha256:7f420deccdef34c8f85560f4c7eecdea1fa42001de754d84c27ef20557714380',
    'sha256:d4fe26c5ba9c1ac4a65bebc44c784b97c22cffb0f1c0000f3640c0c7ea399450',
    'sha256:c562b74c5b49959349c49954e456d85708dfd5d360c9d9561d7319498f75aad0',
    'sha256:b037c0764d48bafa3bbfa7709d909768c5e8a8885903494b6cc178c8fc69bb46',
    'sha256:3fb2483420143260b59638c07d74fc93662c19b53dd7f7d3feaac2c366ef7972',
  ],
  sizes: [2048, 67072, 6656, 2048, 2048, 1536],
};

const HELLO = {
  digest: 'sha256:c9465334e1e40364f5ca94062153e7013c5d06c59a4e421fe1c99a74a2aa7fd4',
  size: 1699,
};

function pathOf(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}.tar`, import.meta.url));
}

function stored({ layers }: ArchiveManifest): ArchiveLayer[] {
  return layers.filter((layer): layer is ArchiveLayer => !isForeign(layer));
}

async function plainDigests(manifest: ArchiveManifest): Promise<string[]> {
  const digests: string[] = [];
  for (const layer of stored(manifest)) {
    const bytes = await bytesOf(layer.open());
    digests.push(digestOf(layer.packing === 'gzip' ? gunzipSync(bytes) : bytes));
  }
  return digests;
}

/** Facts that are the same for every archive of `fixture/app`. */
async function expectApp(manifest: ArchiveManifest): Promise<void> {
  expect(manifest.config.digest).toBe(APP.digest);
  expect(manifest.config.bytes).toHaveLength(APP.size);
  expect(digestOf(manifest.config.bytes)).toBe(APP.digest);
  expect(manifest.platform).toEqual({ os: 'linux', architecture: 'amd64' });
  expect(stored(manifest).map(({ diffId }) => diffId)).toEqual(APP.diffIds);
  expect(await plainDigests(manifest)).toEqual(APP.diffIds);
}

async function withArchive<T>(name: string, work: (archive: TarArchive) => Promise<T>): Promise<T> {
  const archive = await TarArchive.open(pathOf(name));
  try {
    return await work(archive);
  } finally {
    await archive.close();
  }
}

describe.each([
  ['docker-20.10-multi-tag', APP.tags],
  ['docker-20.10-untagged', []],
  ['docker-26-multi-tag', APP.tags],
  ['skopeo-docker-archive', ['docker.io/fixture/app:1.2.3']],
])('%s.tar', (name, tags) => {
  let archive: TarArchive;
  beforeAll(async () => {
    archive = await TarArchive.open(pathOf(name));
  });
  afterAll(() => archive.close());

  it('is a valid archive of one image with its tags', async () => {
    expect(await archive.validate()).toEqual({ valid: true, problems: [] });
    expect(archive.images).toHaveLength(1);
    expect(archive.originalTags).toEqual(tags);
    expect(archive.images[0]).toMatchObject({ tags, indexes: [], omitted: [] });
  });

  it('holds the exact config and six plain layers, of which the first and the fourth are one', async () => {
    const [manifest] = archive.images[0]!.manifests;
    await expectApp(manifest!);
    expect(stored(manifest!).map(({ size, packing }) => [size, packing])).toEqual(
      APP.sizes.map((size) => [size, 'none']),
    );
    const [first, , , fourth] = stored(manifest!);
    expect(fourth!.position).toBe(first!.position);
    expect(manifest!.raw).toBeUndefined();
  });

  it('is inspected', async () => {
    const [image] = await archive.inspect();
    expect(image).toMatchObject({
      tags,
      architecture: 'amd64',
      os: 'linux',
      variant: undefined,
      size: APP.sizes.reduce((sum, size) => sum + size),
      config: {
        digest: APP.digest,
        size: APP.size,
        user: '1000:1000',
        entrypoint: ['/alpha'],
        labels: { 'org.opencontainers.image.version': '1.2.3' },
      },
    });
    expect(image!.created).toMatch(/^20\d\d-\d\d-\d\dT/);
    expect(image!.config.env.some((line) => /[가-힣]/.test(line))).toBe(true);
  });

  it('holds a path of over 240 characters with a non-ASCII name in its third layer', async () => {
    const [, , third] = stored(archive.images[0]!.manifests[0]!);
    const files = await readWithNodeTar(await bytesOf(third!.open()));
    // eslint-disable-next-line no-control-regex
    expect(files.some(({ path }) => path.length > 240 && /[^\u0000-\u007f]/.test(path))).toBe(true);
  });

  it('is the same archive when it is packed whole', async () => {
    const packed = await TarArchive.open(gzipSync(await readFile(pathOf(name))));
    expect(packed.randomAccess).toBe(false);
    expect(packed.originalTags).toEqual(tags);
    await expectApp(packed.images[0]!.manifests[0]!);
    expect((await packed.validate()).valid).toBe(true);
    await packed.close();
  });
});

describe('docker-20.10-multi-tag.tar', () => {
  it('has a primary tag', async () => {
    await withArchive('docker-20.10-multi-tag', async ({ primaryTag }) => {
      expect(primaryTag).toEqual({ repository: 'fixture/app', tag: '1.2.3' });
      return Promise.resolve();
    });
  });

  it('names its fourth layer by the link, and reads it from the first', async () => {
    await withArchive('docker-20.10-multi-tag', async (archive) => {
      const [first, , , fourth] = stored(archive.images[0]!.manifests[0]!);
      expect(fourth!.entry).not.toBe(first!.entry);
      expect(archive.manifest[0]?.Layers[3]).toBe(fourth!.entry);
      expect((await bytesOf(fourth!.open())).equals(await bytesOf(first!.open()))).toBe(true);
    });
  });
});

describe('docker-20.10-untagged.tar', () => {
  it('has no tag at all', async () => {
    await withArchive('docker-20.10-untagged', async (archive) => {
      expect([archive.originalTags, archive.primaryTag, archive.manifest[0]?.RepoTags]).toEqual([[], undefined, null]);
      return Promise.resolve();
    });
  });
});

describe('docker-20.10-multi-image.tar', () => {
  it('holds two images in their order', async () => {
    await withArchive('docker-20.10-multi-image', async (archive) => {
      const [app, hello] = archive.images;
      expect(archive.images.map(({ tags }) => tags)).toEqual([['fixture/app:1.2.3'], ['hello:v1']]);
      await expectApp(app!.manifests[0]!);
      const [manifest] = hello!.manifests;
      expect(manifest!.config).toMatchObject({ digest: HELLO.digest });
      expect(manifest!.config.bytes).toHaveLength(HELLO.size);
      expect(await plainDigests(manifest!)).toEqual(stored(manifest!).map(({ diffId }) => diffId));
      expect(manifest!.layers).toHaveLength(2);
      expect((await archive.validate()).valid).toBe(true);
      expect((await archive.inspect()).map(({ layers }) => layers.length)).toEqual([6, 2]);
    });
  });
});

describe('docker-26-multi-tag.tar', () => {
  it('takes the LayerSources for what they are: ordinary layers', async () => {
    await withArchive('docker-26-multi-tag', async (archive) => {
      expect(archive.manifest[0]?.LayerSources).toBeDefined();
      expect(archive.images[0]?.manifests[0]?.layers.some(isForeign)).toBe(false);
      return Promise.resolve();
    });
  });
});

describe('docker-26-containerd-missing-blobs.tar', () => {
  it('is refused, naming the config and every layer that is missing', async () => {
    const name = 'docker-26-containerd-missing-blobs';
    await withArchive(name, async (archive) => {
      const error = await errorOf(() => archive.images);
      expect(error).toBeInstanceOf(ValidationError);
      expect(error.message).toContain(`${name}.tar is not a valid image archive`);
      const blobs = [
        'f4d781bfd16a992c24bf51e117f020f109b47d78241b66747b2848687581c20d',
        'b633920ebbe8925a3db7344d29555b142c4012a9d48d8eb016c734ab83022df8',
        '895c9cc95c518f970830fb5968ec476daf3ff955ab4f649e84b74c2d7718b249',
        '69c295101afb30469e87407cfd35522ca8878d0059e9be4402140ad8c64e2488',
        '2201a9696e67bfd8dbe6fbd3827d9348763045f38eb89bc3c6f8de3fe1fdb62f',
        '9d8963926ddc26ef7bbe9264115fb5d47fe26626c12e03527080c7162c94181d',
      ];
      const problems = blobs.map((hex) => ({ entry: `blobs/sha256/${hex}`, message: 'is not in the archive' }));
      expect((error as ValidationError).problems).toEqual(problems);
      for (const { entry } of problems) expect(error.message).toContain(entry);
      expect(await archive.validate()).toEqual({ valid: false, problems });
    });
  });
});

describe('skopeo-oci-archive.tar', () => {
  it('holds one untagged image with its own manifest and gzip layers', async () => {
    await withArchive('skopeo-oci-archive', async (archive) => {
      expect(archive.originalTags).toEqual([]);
      const [manifest, ...others] = archive.images[0]!.manifests;
      expect([archive.images.length, others.length, archive.images[0]!.indexes]).toEqual([1, 0, []]);
      expect(manifest!.raw!.descriptor).toEqual({
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        digest: 'sha256:5a50c9b5354a4984284a2efef364d4f0f09e70c550a0b21b5145adf2d08c7dc3',
        size: 1174,
      });
      expect(digestOf(manifest!.raw!.bytes)).toBe(manifest!.raw!.descriptor.digest);
      expect(manifest!.config.digest).toBe('sha256:b346a4fd1378367e28c4673a77096eee45f2c76b194028507eee0963f6762386');
      expect(stored(manifest!).map(({ packing, size }) => [packing, size])).toEqual(
        [118, 44079, 292, 118, 119, 104].map((size) => ['gzip', size]),
      );
      expect(stored(manifest!).map(({ diffId }) => diffId)).toEqual(APP.diffIds);
      expect(await plainDigests(manifest!)).toEqual(APP.diffIds);
      expect((await archive.validate()).valid).toBe(true);
    });
  });
});

describe('skopeo-oci-archive-multi-platform.tar', () => {
  it('holds an index of two platforms that share their layers', async () => {
    await withArchive('skopeo-oci-archive-multi-platform', async (archive) => {
      expect(archive.images).toHaveLength(1);
      const [image] = archive.images;
      expect(image!.omitted).toEqual([]);
      expect(image!.indexes.map(({ descriptor }) => descriptor)).toEqual([
        {
          mediaType: 'application/vnd.oci.image.index.v1+json',
          digest: 'sha256:882de148739e718a74a090dc81e4ea742b77de372bc5d726ae349998a7369a7f',
          size: 508,
        },
      ]);
      expect(
        image!.manifests.map(({ platform, raw, config }) => [platform, raw?.descriptor.digest, config.digest]),
      ).toEqual([
        [
          { os: 'linux', architecture: 'amd64' },
          'sha256:c323f7620fd2b65304a52e19a5752428fb480df14636af66036fe214fb1fe110',
          'sha256:f01c3f2b850c74265af9cd83546615516717d5ca0442fb4d17626168cbe8c0da',
        ],
        [
          { os: 'linux', architecture: 'arm64', variant: 'v8' },
          'sha256:09c9d6161eae023abfb46292a2b07b0f8a0bad72d5f9440bd12cd10a6558d9ce',
          'sha256:61ddd5708265e3ea2296232c747edd287cbf026dfffdfc62d3093fce383af638',
        ],
      ]);
      for (const manifest of image!.manifests) expect(await plainDigests(manifest)).toEqual(APP.diffIds);
      expect((await archive.inspect()).map(({ architecture, variant }) => [architecture, variant])).toEqual([
        ['amd64', undefined],
        ['arm64', 'v8'],
      ]);
      expect((await archive.validate()).valid).toBe(true);
    });
  });
});
