import { describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { ArchiveFiles } from '../../lib/archive/archive-files.js';
import type { FoundImage } from '../../lib/archive/found-image.js';
import { blobPath, readOciImages } from '../../lib/archive/oci-archive.js';
import { ValidationError } from '../../lib/errors.js';
import type { Descriptor } from '../../lib/oci/descriptor.js';
import { digestOf } from '../../lib/oci/digest.js';
import { isIndex } from '../../lib/oci/manifest.js';
import { MediaType } from '../../lib/oci/media-types.js';
import type { TarEntry } from '../support/tar-builder.js';
import { attesting, named, OciLayout, on, pathOf } from './oci-layout.js';
import { bytesOf, errorOf, indexOf } from './reading.js';

async function found(entries: readonly TarEntry[]): Promise<FoundImage[]> {
  return readOciImages(new ArchiveFiles(await indexOf(entries)));
}

async function only(layout: OciLayout, root: Descriptor): Promise<FoundImage> {
  const [first, ...others] = await found(layout.entries(root));
  expect(others).toEqual([]);
  return first as FoundImage;
}

function messages({ problems }: FoundImage): string[] {
  return problems.map(({ entry, message }) => `${entry} ${message}`);
}

describe('readOciImages', () => {
  it('reads an image with its exact manifest', async () => {
    const layout = new OciLayout();
    const root = layout.image('app', { architecture: 'arm64', variant: 'v8' });
    const { image, problems, layers } = await only(layout, named(root, 'app:1'));
    const [manifest] = image!.manifests;
    expect(problems).toEqual([]);
    expect(image).toMatchObject({ tags: ['app:1'], indexes: [], omitted: [] });
    expect(manifest!.raw!.bytes.equals(layout.bytesOf(root))).toBe(true);
    expect(manifest!.raw!.descriptor).toEqual(root);
    expect(manifest!.platform).toEqual({ os: 'linux', architecture: 'arm64', variant: 'v8' });
    expect(manifest!.layers).toEqual(layers);
    const [one] = layers;
    expect(one).toMatchObject({
      diffId: digestOf('app one'),
      packing: 'none',
      descriptor: { digest: digestOf('app one') },
    });
    expect((await bytesOf(one!.open())).toString()).toBe('app one');
  });

  it('gives one image several tags, and several images their own', async () => {
    const layout = new OciLayout();
    const [a, b] = [layout.image('a'), layout.image('b')];
    const images = await found(layout.entries(named(a, 'a:1'), named(b, 'b:1'), named(a, 'a:2'), b));
    expect(images.map(({ tags, image }) => [tags, image?.tags])).toEqual([
      [
        ['a:1', 'a:2'],
        ['a:1', 'a:2'],
      ],
      [['b:1'], ['b:1']],
    ]);
  });

  it('reads images of several platforms in an index in the index', async () => {
    const layout = new OciLayout();
    const [amd, arm] = [on(layout.image('amd'), 'linux/amd64'), on(layout.image('arm'), 'linux/arm64/v8')];
    const root = layout.index([amd, arm]);
    const { image } = await only(layout, named(root, 'app:1'));
    expect(image?.manifests.map(({ platform }) => platform)).toEqual([amd.platform, arm.platform]);
    expect(image?.indexes.map(({ descriptor }) => descriptor)).toEqual([root]);
  });

  it('takes the platform of the config where the index names none', async () => {
    const layout = new OciLayout();
    const root = layout.index([layout.image('arm', { architecture: 'arm64' })]);
    const { image } = await only(layout, root);
    expect(image?.manifests[0]?.platform).toEqual({ os: 'linux', architecture: 'arm64' });
  });

  it('reads the same manifest for several platforms', async () => {
    const layout = new OciLayout();
    const image = layout.image('any');
    const root = layout.index([on(image, 'linux/amd64'), on(image, 'linux/amd64/v2')]);
    expect((await only(layout, root)).image?.manifests).toHaveLength(2);
  });

  it.each([
    ['whose manifest is absent', (layout: OciLayout, image: Descriptor) => layout.without(image)],
    [
      'whose config is absent, too',
      (layout: OciLayout, image: Descriptor) => {
        const { config } = layout.manifestOf(image);
        layout.without(config);
      },
    ],
  ])('leaves out a platform %s', async (_, remove) => {
    const layout = new OciLayout();
    const [amd, arm, s390x] = ['amd64', 'arm64', 's390x'].map((arch) => on(layout.image(arch), `linux/${arch}`));
    const root = layout.index([amd!, arm!, s390x!]);
    remove(layout, s390x!);
    const { image, problems } = await only(layout, root);
    expect(problems).toEqual([]);
    expect(image?.manifests.map(({ platform }) => platform?.architecture)).toEqual(['amd64', 'arm64']);
    expect(image?.omitted).toEqual([`linux/s390x ${s390x!.digest}`]);
    const [index] = image!.indexes;
    expect(isIndex(index!.manifest) && index!.manifest.manifests).toEqual([amd, arm]);
  });

  it('gives the only platform that is there in place of the index, as docker push does', async () => {
    const layout = new OciLayout();
    const [amd, arm] = [on(layout.image('amd'), 'linux/amd64'), on(layout.image('arm'), 'linux/arm64')];
    const provenance = attesting(layout.image('provenance'), amd);
    const root = layout.index([amd, arm, provenance]);
    const { image } = await only(layout.without(arm, provenance), named(root, 'app:1'));
    expect(image).toMatchObject({ tags: ['app:1'], indexes: [], omitted: [`linux/arm64 ${arm.digest}`, `attestation ${provenance.digest}`] }); // prettier-ignore
    expect(image?.manifests.map(({ raw }) => raw?.descriptor.digest)).toEqual([amd.digest]);
  });

  it('refuses a platform whose config is there but whose layers are not, naming each', async () => {
    const layout = new OciLayout();
    const arm = on(layout.image('arm'), 'linux/arm64');
    const root = layout.index([on(layout.image('amd'), 'linux/amd64'), arm]);
    for (const name of ['arm one', 'arm two']) layout.blobs.delete(digestOf(name));
    const broken = await only(layout, root);
    expect(broken.image).toBeUndefined();
    expect(broken.isIncomplete).toBe(true);
    expect(messages(broken)).toEqual([
      `${pathOf(digestOf('arm one'))} is not in the archive`,
      `${pathOf(digestOf('arm two'))} is not in the archive`,
    ]);
    expect(broken.layers.map(({ entry }) => entry)).toEqual(
      ['amd one', 'amd two'].map((name) => pathOf(digestOf(name))),
    );
  });

  it('refuses a root that is not there', async () => {
    const layout = new OciLayout();
    const root = layout.image('app');
    const broken = await only(layout.without(root), root);
    expect(messages(broken)).toEqual([`${pathOf(root.digest)} is not in the archive, though index.json needs it`]);
    expect(broken).toMatchObject({ isIncomplete: true, layers: [] });
  });

  it('refuses an index of which no image is there', async () => {
    const layout = new OciLayout();
    const [amd, arm] = [on(layout.image('amd'), 'linux/amd64'), on(layout.image('arm'), 'linux/arm64')];
    const root = layout.index([amd, arm]);
    const broken = await only(layout.without(amd, arm), root);
    expect(messages(broken)).toEqual([`${pathOf(amd.digest)} is not in the archive, though index.json needs it`]);
  });

  it('refuses an index that lists nothing', async () => {
    const layout = new OciLayout();
    const root = layout.index([]);
    expect(messages(await only(layout, root))).toEqual([`${pathOf(root.digest)} lists no image`]);
  });

  it('finds everything that is wrong, and the layers that can be checked', async () => {
    const layout = new OciLayout();
    const broken = layout.image('broken');
    layout.replace(layout.layer('broken one'), { content: 'longer than it was' });
    const config = layout.blob('not JSON', MediaType.ociConfig);
    const badConfig = layout.manifest(config, [layout.layer('layer of bad config')]);
    const root = layout.index([layout.image('good'), broken, badConfig]);
    const image = await only(layout, root);
    expect(image.image).toBeUndefined();
    expect(image.isIncomplete).toBe(false);
    expect(messages(image)).toEqual([
      `${pathOf(digestOf('broken one'))} has 18 bytes where its manifest says 10`,
      expect.stringContaining(`${pathOf(config.digest)} is not JSON`),
    ]);
    expect(image.layers.map(({ descriptor }) => descriptor?.digest)).toEqual(
      ['good one', 'good two', 'broken two', 'layer of bad config'].map((name) => digestOf(name)),
    );
  });

  it('reads the other images where one is broken', async () => {
    const layout = new OciLayout();
    const [good, bad] = [layout.image('good'), layout.image('bad')];
    layout.blobs.delete(digestOf('bad one'));
    const images = await found(layout.entries(bad, good));
    expect(images.map(({ image, problems }) => [image !== undefined, problems.length])).toEqual([
      [false, 1],
      [true, 0],
    ]);
  });

  describe('of blobs', () => {
    it('takes sha512', async () => {
      const layout = new OciLayout();
      const layer = layout.blob('layer', MediaType.ociLayer, 'sha512');
      const config = layout.blob(
        JSON.stringify({ rootfs: { diff_ids: [layer.digest] } }),
        MediaType.ociConfig,
        'sha512',
      );
      const manifest = { schemaVersion: 2, mediaType: MediaType.ociManifest, config, layers: [layer] };
      const root = layout.blob(JSON.stringify(manifest), MediaType.ociManifest, 'sha512');
      const { image, problems } = await only(layout, root);
      expect(problems).toEqual([]);
      expect(image?.manifests[0]?.raw?.descriptor).toEqual(root);
      expect(image?.manifests[0]?.layers[0]?.entry).toBe(`blobs/sha512/${layer.digest.slice(7)}`);
      expect(image?.manifests[0]?.config.digest).toBe(config.digest);
    });

    it.each<[string, (layout: OciLayout, root: Descriptor) => Descriptor]>([
      ['manifest', (_, root) => root],
      ['config', (layout, root) => layout.manifestOf(root).config],
    ])('refuses a %s whose content is another, or longer', async (_, choose) => {
      for (const change of [
        (bytes: Buffer) => bytes.fill('x', 5, 6),
        (bytes: Buffer) => Buffer.concat([bytes, bytes]),
      ]) {
        const layout = new OciLayout();
        const root = layout.image('app');
        const blob = choose(layout, root);
        layout.replace(blob, { content: change(Buffer.from(layout.bytesOf(blob))) });
        const broken = await only(layout, root);
        expect(broken.image).toBeUndefined();
        expect(messages(broken)).toEqual([
          expect.stringMatching(
            new RegExp(`^${pathOf(blob.digest)} (does not have the content its name promises|has \\d+ bytes where \\d+ are promised)$`), // prettier-ignore
          ),
        ]);
      }
    });

    it('refuses a size that is not the one listed', async () => {
      const layout = new OciLayout();
      const root = layout.image('app');
      const broken = await only(layout, { ...root, size: root.size + 1 });
      expect(messages(broken)).toEqual([
        `${pathOf(root.digest)} has ${root.size} bytes where ${root.size + 1} are promised`,
      ]);
    });

    it('follows links, and refuses those that lead out or in circles', async () => {
      const layout = new OciLayout();
      const root = layout.image('app');
      const layer = layout.layer('app one');
      layout.replace(layer, { linkTo: '../../elsewhere' });
      const elsewhere = { name: 'elsewhere', content: 'app one' };
      expect((await found([...layout.entries(root), elsewhere]))[0]?.problems).toEqual([]);
      layout.replace(layer, { linkTo: '../../../etc/passwd' });
      expect(messages(await only(layout, root))).toEqual([
        `${pathOf(layer.digest)} leaves the archive (through a link to ../etc/passwd)`,
      ]);
      layout.replace(layer, { linkTo: pathOf(layer.digest).split('/').pop()! });
      expect(messages(await only(layout, root))).toEqual([
        `${pathOf(layer.digest)} is a link that leads back to itself`,
      ]);
    });

    it('refuses a directory in place of a blob', async () => {
      const layout = new OciLayout();
      const root = layout.image('app');
      layout.replace(root, { type: 'directory' });
      expect(messages(await only(layout, root))).toEqual([`${pathOf(root.digest)} is a directory, not a file`]);
    });
  });

  describe('of layers', () => {
    it('sniffs the packing, whatever the media type says', async () => {
      const layout = new OciLayout();
      const packed = layout.blob(gzipSync('layer'), MediaType.ociLayer);
      const config = layout.config([digestOf('layer')]);
      const { layers } = await only(layout, layout.manifest(config, [packed]));
      expect(layers).toMatchObject([{ packing: 'gzip', diffId: digestOf('layer') }]);
    });

    it.each([[[]], [[digestOf('a')]], [[digestOf('a'), digestOf('b'), digestOf('c')]]])(
      'refuses two of them for the diff_ids %j',
      async (diffIds) => {
        const layout = new OciLayout();
        const config = layout.config(diffIds);
        const root = layout.manifest(config, [layout.layer('a'), layout.layer('b')]);
        expect(messages(await only(layout, root))).toEqual([
          `${pathOf(config.digest)} has ${diffIds.length} diff_ids, but its manifest lists 2 layers`,
        ]);
      },
    );

    it('refuses none of them for two diff_ids, as Docker 25.0.0 wrote', async () => {
      const layout = new OciLayout();
      const config = layout.config([digestOf('a'), digestOf('b')]);
      expect(messages(await only(layout, layout.manifest(config, [])))).toEqual([
        `${pathOf(config.digest)} has 2 diff_ids, but its manifest lists 0 layers`,
      ]);
    });

    it('takes none of them for none', async () => {
      const layout = new OciLayout();
      expect((await only(layout, layout.manifest(layout.config([]), []))).image?.manifests[0]?.layers).toEqual([]);
    });

    it.each(['xz', 'bzip2'])('refuses one of an image that is packed with %s', async (packing) => {
      const bytes = packing === 'xz' ? 'fd377a585a000004' : '425a6839314159265359';
      const layout = new OciLayout();
      const layer = layout.blob(Buffer.from(bytes, 'hex'), MediaType.ociLayer);
      expect(messages(await only(layout, layout.manifest(layout.config([digestOf('x')]), [layer])))).toEqual([
        `${pathOf(layer.digest)} is packed with ${packing}; layers may be plain, gzip or zstd`,
      ]);
    });

    it('takes a foreign one that is absent but has an address, and the blob where it is there', async () => {
      const layout = new OciLayout();
      const [gone, here] = ['gone', 'here'].map((name) => ({ ...layout.layer(name), urls: ['https://example.com/l'] }));
      const config = layout.config([gone!.digest, here!.digest]);
      const root = layout.manifest(config, [gone!, here!]);
      const { image } = await only(layout.without(gone!), root);
      expect(image?.manifests[0]?.layers).toMatchObject([
        { entry: pathOf(gone!.digest), foreign: gone },
        { descriptor: here, diffId: here!.digest },
      ]);
    });
  });

  describe('of artifacts', () => {
    it.each([
      ['with a config that is no JSON', 'application/vnd.example.config.v1', 'not JSON', 'application/x'],
      ['with an empty config', 'application/vnd.example.config.v1', '', 'application/x'],
      ['with a config that is a list', 'application/vnd.example.config.v1+json', '[]', 'application/x'],
      ['with the empty config of the spec', MediaType.ociEmpty, '{}', 'application/x'],
      ['that borrow the config of an image', MediaType.ociConfig, '{"rootfs":{"diff_ids":[]}}', 'application/x'],
      ['that borrow an empty config of an image', MediaType.ociConfig, '{}', MediaType.ociLayer],
    ])('reads those %s, and asks no diff_ids of them', async (_, configType, config, layerType) => {
      const layout = new OciLayout();
      const layer = layout.blob(Buffer.from('fd377a585a000004', 'hex'), layerType);
      const root = layout.manifest(layout.blob(config, configType), [layer], { artifactType: 'application/x' });
      const { image, problems, layers } = await only(layout, root);
      expect(problems).toEqual([]);
      expect(image?.manifests[0]?.platform).toBeUndefined();
      expect(layers).toMatchObject([{ descriptor: layer }]);
      expect(layers[0]).not.toHaveProperty('diffId');
    });

    it('keeps what a JSON config of one says', async () => {
      const layout = new OciLayout();
      const config = layout.blob('{"chart":"x"}', 'application/vnd.cncf.helm.config.v1+json');
      const { image } = await only(layout, layout.manifest(config, [layout.blob('x', 'application/x')]));
      expect(image?.manifests[0]?.config.json).toEqual({ chart: 'x' });
    });
  });

  describe('of index.json and manifests that are damaged', () => {
    it.each([
      ['not JSON', 'x', 'the manifest is not JSON'],
      ['null', 'null', 'the manifest is not a JSON object'],
      ['a list', '[]', 'the manifest is not a JSON object'],
      ['empty', '{}', 'the manifest has no schemaVersion 2'],
      ['without manifests', '{"schemaVersion":2}', 'the manifest has no layers'],
      ['null manifests', '{"schemaVersion":2,"manifests":null}', 'the index has no manifests'],
      ['no digest', '{"schemaVersion":2,"manifests":[{"mediaType":"a/b","size":1}]}', 'no valid digest'],
      [
        'a digest that is a path',
        '{"schemaVersion":2,"manifests":[{"mediaType":"a/b","digest":"sha256:../../etc/passwd","size":1}]}',
        'no valid digest',
      ],
      [
        'both at once',
        '{"schemaVersion":2,"manifests":[],"layers":[],"config":{}}',
        'the manifest is an image and an index at once',
      ],
    ])('refuses %s', async (_, content, message) => {
      const error = await errorOf(found([{ name: 'index.json', content }]));
      expect(error).toBeInstanceOf(ValidationError);
      expect(error.message).toContain(`index.json is damaged: `);
      expect(error.message).toContain(message);
      const layout = new OciLayout();
      const root = layout.blob(content, MediaType.ociIndex);
      expect(messages(await only(layout, root))).toEqual([
        expect.stringContaining(`${pathOf(root.digest)} is damaged: `),
      ]);
    });

    it('refuses an image in place of index.json', async () => {
      const layout = new OciLayout();
      const content = layout.bytesOf(layout.image('app'));
      const error = await errorOf(found([...layout.blobs.values(), { name: 'index.json', content }]));
      expect(error.message).toBe('index.json is not an image index');
    });

    it('refuses a manifest that is listed as something else than it says', async () => {
      const layout = new OciLayout();
      const root = { ...layout.image('app'), mediaType: MediaType.dockerManifest };
      expect(messages(await only(layout, root))).toEqual([
        expect.stringContaining(`calls itself ${MediaType.ociManifest} but is served as ${MediaType.dockerManifest}`),
      ]);
    });

    it('shows no control characters of a manifest', async () => {
      const layout = new OciLayout();
      const root = layout.json({ schemaVersion: 2, mediaType: '\u001b[2J', layers: [] }, 'a/b');
      // eslint-disable-next-line no-control-regex
      expect(messages(await only(layout, root))[0]).not.toMatch(/[\u0000-\u001f]/);
    });

    it('takes keys called __proto__ for nothing', async () => {
      const layout = new OciLayout();
      const image = layout.image('app');
      const text = JSON.stringify({ schemaVersion: 2, manifests: [{ ...image, annotations: { x: 'y' } }] });
      const content = text.replace('"x":"y"', '"__proto__":"polluted"').replace('{', '{"__proto__":{"manifests":[]},');
      const [one] = await found([{ name: 'index.json', content }, ...layout.blobs.values()]);
      expect(one?.problems).toEqual([]);
      expect(({} as Record<string, unknown>).manifests).toBeUndefined();
    });
  });

  describe('of indexes that are an attack', () => {
    function nested(depth: number): [OciLayout, Descriptor] {
      const layout = new OciLayout();
      let root = layout.image('app');
      for (let i = 0; i < depth; i += 1) root = layout.index([root]);
      return [layout, root];
    }

    it('reads eight indexes, one in the other', async () => {
      const { image } = await only(...nested(8));
      expect([image?.indexes.length, image?.manifests.length]).toEqual([8, 1]);
    });

    it('refuses nine', async () => {
      const [layout, root] = nested(9);
      expect(messages(await only(layout, root))).toEqual([
        expect.stringMatching(/^blobs\/sha256\/[0-9a-f]+ is nested more than 8 indexes deep$/),
      ]);
    });

    it('refuses one that lists the same ones over and over, soon', async () => {
      const layout = new OciLayout();
      let root = layout.image('app');
      for (let i = 0; i < 4; i += 1) root = layout.index(Array.from({ length: 200 }, () => root));
      const broken = await only(layout, root);
      expect(broken.image).toBeUndefined();
      expect(broken.problems.length).toBeLessThan(1000);
      for (const message of messages(broken)) expect(message).toMatch(/ lists too many manifests$/);
    });

    it('refuses an index.json of more than 10000', async () => {
      const layout = new OciLayout();
      const image = layout.image('app');
      const error = await errorOf(found(layout.entries(...Array.from({ length: 10_001 }, () => image))));
      expect(error.message).toBe('index.json lists too many manifests');
    });
  });
});

describe('blobPath', () => {
  it('gives the path of a blob in a layout', () => {
    expect(blobPath(digestOf('x'))).toBe(`blobs/sha256/${digestOf('x').slice(7)}`);
    expect(() => blobPath('sha256:../x')).toThrow('is not a digest');
  });
});
