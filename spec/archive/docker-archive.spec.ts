import { describe, expect, it } from '@jest/globals';
import { ArchiveFiles } from '../../lib/archive/archive-files.js';
import type { ArchiveManifest } from '../../lib/archive/archive-image.js';
import { type DockerManifestEntry, readDockerImage, readDockerManifest } from '../../lib/archive/docker-archive.js';
import type { FoundImage } from '../../lib/archive/found-image.js';
import { ValidationError } from '../../lib/errors.js';
import { digestOf } from '../../lib/oci/digest.js';
import type { TarEntry } from '../support/tar-builder.js';
import { errorOf, indexOf } from './reading.js';

const [ONE, TWO] = ['layer one', 'layer two'];
const DIFF_IDS = [digestOf(ONE), digestOf(TWO)];
const CONFIG = { os: 'linux', architecture: 'arm64', variant: 'v8', rootfs: { type: 'layers', diff_ids: DIFF_IDS } };
const FILES: TarEntry[] = [
  { name: 'config.json', content: JSON.stringify(CONFIG) },
  { name: 'one.tar', content: ONE },
  { name: 'two.tar', content: TWO },
];
const ENTRY: DockerManifestEntry = { Config: 'config.json', RepoTags: ['app:1'], Layers: ['one.tar', 'two.tar'] };

async function manifestOf(content: string): Promise<readonly DockerManifestEntry[]> {
  return readDockerManifest(new ArchiveFiles(await indexOf([{ name: 'manifest.json', content }])));
}

async function imageOf(entry: Partial<DockerManifestEntry> = {}, entries = FILES): Promise<FoundImage> {
  return readDockerImage(new ArchiveFiles(await indexOf(entries)), { ...ENTRY, ...entry });
}

function nestedLists(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth);
}

function messages({ problems }: FoundImage): string[] {
  return problems.map(({ entry, message }) => `${entry} ${message}`);
}

function withConfig(config: unknown): TarEntry[] {
  return [{ name: 'config.json', content: JSON.stringify(config) }, ...FILES.slice(1)];
}

describe('readDockerManifest', () => {
  it('reads every element', async () => {
    const two = [ENTRY, { ...ENTRY, RepoTags: null, LayerSources: { x: {} } }];
    expect(await manifestOf(JSON.stringify(two))).toEqual(two);
  });

  it('takes absent RepoTags for none, and null Layers for none', async () => {
    expect(await manifestOf('[{"Config":"c","Layers":null}]')).toEqual([{ Config: 'c', RepoTags: null, Layers: [] }]);
  });

  it('refuses more than ten thousand images: few bytes can list the same one over and over', async () => {
    const listed = (count: number): string => JSON.stringify(Array.from({ length: count }, () => ENTRY));
    expect(await manifestOf(listed(10_000))).toHaveLength(10_000);
    expect((await errorOf(manifestOf(listed(10_001)))).message).toBe('manifest.json lists too many manifests');
  });

  it('keeps tags as they are, whatever they are', async () => {
    const RepoTags = ['', 'a', 'b:c'];
    expect((await manifestOf(JSON.stringify([{ ...ENTRY, RepoTags }])))[0]?.RepoTags).toEqual(RepoTags);
  });

  it('drops LayerSources that are no object', async () => {
    expect((await manifestOf(JSON.stringify([{ ...ENTRY, LayerSources: [] }])))[0]).toEqual(ENTRY);
  });

  it('reads a list without elements', async () => {
    expect(await manifestOf('[]')).toEqual([]);
  });

  it.each([
    ['null', 'is not a list of images'],
    ['{}', 'is not a list of images'],
    ['{"0":{}}', 'is not a list of images'],
    ['"x"', 'is not a list of images'],
    ['[null]', 'has an element 0 that is not an object'],
    ['[[]]', 'has an element 0 that is not an object'],
    ['["x"]', 'has an element 0 that is not an object'],
    ['[{}]', 'has an element 0 without Config'],
    ['[{"Config":"","Layers":[]}]', 'has an element 0 without Config'],
    ['[{"Config":1,"Layers":[]}]', 'has an element 0 without Config'],
    ['[{"config":"c","layers":[]}]', 'has an element 0 without Config'],
    ['[{"__proto__":{"Config":"c","Layers":[]}}]', 'has an element 0 without Config'],
    ['[{"Config":"c"}]', 'has an element 0 without a list of Layers'],
    ['[{"Config":"c","Layers":"l"}]', 'has an element 0 without a list of Layers'],
    ['[{"Config":"c","Layers":{"0":"l"}}]', 'has an element 0 without a list of Layers'],
    ['[{"Config":"c","Layers":["l",null]}]', 'has an element 0 without a list of Layers'],
    ['[{"Config":"c","Layers":[]},{"Config":"c","Layers":[1]}]', 'has an element 1 without a list of Layers'],
    ['[{"Config":"c","Layers":[],"RepoTags":"a:1"}]', 'has an element 0 with RepoTags that are not text'],
    ['[{"Config":"c","Layers":[],"RepoTags":[1]}]', 'has an element 0 with RepoTags that are not text'],
  ])('refuses %s', async (content, message) => {
    const error = await errorOf(manifestOf(content));
    expect(error).toBeInstanceOf(ValidationError);
    expect(error.message).toBe(`manifest.json ${message}`);
  });

  it('refuses what is not JSON', async () => {
    expect((await errorOf(manifestOf('[{]'))).message).toMatch(/^manifest\.json is not JSON/);
  });
});

describe('readDockerImage', () => {
  it('joins config, layers and tags', async () => {
    const found = await imageOf();
    const [manifest, ...others] = found.image?.manifests as [ArchiveManifest];
    expect(others).toEqual([]);
    expect(found).toMatchObject({
      tags: ['app:1'],
      problems: [],
      image: { tags: ['app:1'], indexes: [], omitted: [] },
    });
    expect(manifest.platform).toEqual({ os: 'linux', architecture: 'arm64', variant: 'v8' });
    expect(manifest.config.digest).toBe(digestOf(JSON.stringify(CONFIG)));
    expect(manifest.raw).toBeUndefined();
    expect(manifest.layers).toMatchObject([
      { entry: 'one.tar', packing: 'none', size: 9, diffId: DIFF_IDS[0] },
      { entry: 'two.tar', packing: 'none', size: 9, diffId: DIFF_IDS[1] },
    ]);
    expect(found.layers).toEqual(manifest.layers);
  });

  it.each([
    [null, []],
    [[], []],
    [['', 'app:1', ''], ['app:1']],
    [
      ['app:1', 'app:2', 'app:1'],
      ['app:1', 'app:2'],
    ],
    [
      ['localhost:5000/a/b:c', 'app'],
      ['localhost:5000/a/b:c', 'app'],
    ],
  ])('makes of the RepoTags %j the tags %j', async (RepoTags, tags) => {
    expect(await imageOf({ RepoTags })).toMatchObject({ tags, image: { tags } });
  });

  it.each(['UPPER:1', 'app:', ':1', 'app:1 ', '<none>:<none>', 'a/../b:1', `app@${DIFF_IDS[0]}`, 'app:\u001b[2J'])(
    'refuses the RepoTag %j',
    async (tag) => {
      const found = await imageOf({ RepoTags: ['app:1', tag] });
      expect(found.image).toBeUndefined();
      expect(messages(found)).toEqual([expect.stringMatching(/^manifest\.json has a RepoTag that is no name: "/)]);
      // eslint-disable-next-line no-control-regex
      expect(messages(found)[0]).not.toMatch(/[\u0000-\u001f]/);
    },
  );

  it('takes a layer that is listed twice, stored once', async () => {
    const diff_ids = [DIFF_IDS[0], DIFF_IDS[1], DIFF_IDS[0]];
    const entries = withConfig({ ...CONFIG, rootfs: { diff_ids } });
    const found = await imageOf({ Layers: ['one.tar', 'two.tar', 'one.tar'] }, entries);
    expect(found.layers.map(({ entry, diffId }) => [entry, diffId])).toEqual([
      ['one.tar', diff_ids[0]],
      ['two.tar', diff_ids[1]],
      ['one.tar', diff_ids[2]],
    ]);
  });

  it('takes an image without layers', async () => {
    const found = await imageOf({ Layers: [] }, withConfig({ rootfs: { type: 'layers' } }));
    expect(found.problems).toEqual([]);
    expect(found.image?.manifests[0]?.layers).toEqual([]);
  });

  it.each([
    [['one.tar'], 'manifest.json lists 1 layers, but config.json has 2 diff_ids'],
    [['one.tar', 'two.tar', 'one.tar'], 'manifest.json lists 3 layers, but config.json has 2 diff_ids'],
    [[], 'manifest.json lists 0 layers, but config.json has 2 diff_ids'],
  ])('refuses the layers %j for two diff_ids', async (Layers, message) => {
    const found = await imageOf({ Layers });
    expect(found.image).toBeUndefined();
    expect(messages(found)).toEqual([message]);
    expect(found.isIncomplete).toBe(false);
  });

  it('names every entry that is wrong, each once', async () => {
    const found = await imageOf({
      Config: '../c.json',
      Layers: ['/etc/passwd', 'gone.tar', 'one.tar'],
      RepoTags: ['A'],
    });
    expect(found.image).toBeUndefined();
    expect(messages(found)).toEqual([
      expect.stringContaining('manifest.json has a RepoTag that is no name'),
      '../c.json leaves the archive',
      '/etc/passwd leaves the archive',
      'gone.tar is not in the archive',
    ]);
  });

  it('keeps what can be checked of a broken image, with the right diff_ids', async () => {
    const found = await imageOf({ Layers: ['gone.tar', 'two.tar'] });
    expect(messages(found)).toEqual(['gone.tar is not in the archive']);
    expect(found.layers.map(({ entry, diffId }) => [entry, diffId])).toEqual([['two.tar', DIFF_IDS[1]]]);
  });

  it('keeps no layers where nobody knows which diff_id is whose', async () => {
    expect((await imageOf({ Layers: ['one.tar'] })).layers).toEqual([]);
  });

  it('is incomplete, and not broken, where entries are merely absent', async () => {
    expect(await imageOf({ Config: 'gone.json', Layers: ['gone.tar', 'two.tar'] })).toMatchObject({
      isIncomplete: true,
    });
    expect(await imageOf({ Config: '../gone.json' })).toMatchObject({ isIncomplete: false });
    expect(await imageOf({ Layers: ['gone.tar', '/two.tar'] })).toMatchObject({ isIncomplete: false });
    expect(await imageOf({ Layers: ['gone.tar', ''] })).toMatchObject({ isIncomplete: false });
    const dangling = [...FILES.slice(0, 2), { name: 'two.tar', linkTo: 'gone.tar' }];
    expect(await imageOf({}, dangling)).toMatchObject({ isIncomplete: false, problems: [{ entry: 'two.tar' }] });
  });

  it.each([
    ['xz', Buffer.from('fd377a585a000004', 'hex')],
    ['bzip2', Buffer.from('425a6839314159265359', 'hex')],
  ])('refuses a layer that is packed with %s', async (packing, content) => {
    const found = await imageOf({}, [...FILES.slice(0, 2), { name: 'two.tar', content }]);
    expect(messages(found)).toEqual([`two.tar is packed with ${packing}; layers may be plain, gzip or zstd`]);
  });

  it('refuses a config that is no image configuration', async () => {
    expect(messages(await imageOf({}, withConfig({ hello: 'world' })))).toEqual([
      'config.json has no valid rootfs.diff_ids, so it is not an image configuration',
    ]);
    expect(messages(await imageOf({}, withConfig(null)))).toEqual(['config.json is not an image configuration']);
  });

  it('passes on what is wrong with the tar itself', async () => {
    const failing = { json: undefined, config: () => Promise.reject(new Error('disk on fire')) };
    const error = await errorOf(readDockerImage(failing as unknown as ArchiveFiles, ENTRY));
    expect(error.message).toBe('disk on fire');
  });

  describe('of foreign layers', () => {
    const source = {
      mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
      digest: digestOf('foreign'),
      size: 1234,
      urls: ['https://example.com/layer'],
    };
    const withSource = (value: unknown) => ({
      Layers: ['base.tar', 'two.tar'],
      LayerSources: { [DIFF_IDS[0] as string]: value },
    });

    it('takes one that is not in the archive but has an address', async () => {
      const found = await imageOf(withSource(source));
      expect(found.image?.manifests[0]?.layers).toMatchObject([
        { entry: 'base.tar', foreign: source },
        { entry: 'two.tar', diffId: DIFF_IDS[1] },
      ]);
      expect(found.layers.map(({ entry }) => entry)).toEqual(['two.tar']);
    });

    it('takes the file where there is one', async () => {
      const found = await imageOf({ ...withSource(source), Layers: ['one.tar', 'two.tar'] });
      expect(found.image?.manifests[0]?.layers[0]).toMatchObject({ entry: 'one.tar', diffId: DIFF_IDS[0] });
    });

    it.each([
      ['without an address', { ...source, urls: [] }],
      ['without any urls, as docker writes for ordinary layers', { ...source, urls: undefined }],
    ])('misses one %s', async (_, value) => {
      expect(messages(await imageOf(withSource(value)))).toEqual(['base.tar is not in the archive']);
    });

    it('misses one whose source is that of another layer', async () => {
      const found = await imageOf({ Layers: ['base.tar', 'two.tar'], LayerSources: { [digestOf('else')]: source } });
      expect(messages(found)).toEqual(['base.tar is not in the archive']);
    });

    it.each([
      ['no object', 'x'],
      ['no digest', { ...source, digest: 'sha256:../x' }],
      ['no size', { ...source, size: -1 }],
    ])('refuses one whose source has %s, instead of failing with something else', async (_, value) => {
      const found = await imageOf(withSource(value));
      expect(messages(found)).toEqual([
        expect.stringMatching(/^manifest\.json is damaged: the LayerSources of sha256:/),
      ]);
    });

    it('finds none under the name of a prototype', async () => {
      const LayerSources = JSON.parse('{"__proto__":{}}') as Record<string, unknown>;
      const found = await imageOf({ Layers: ['gone.tar', 'two.tar'], LayerSources });
      expect(messages(found)).toEqual(['gone.tar is not in the archive']);
    });
  });
});

describe('JSON that is nested 100,000 deep', () => {
  it('is refused where it says something, and else left alone', async () => {
    const lists = nestedLists(100_000);
    const [diffId] = DIFF_IDS;
    expect((await errorOf(manifestOf(lists))).message).toBe('manifest.json has an element 0 that is not an object');
    const config = `{"x":${lists},"rootfs":{"diff_ids":${JSON.stringify(DIFF_IDS)}}}`;
    const files = [{ name: 'config.json', content: config }, ...FILES.slice(1)];
    expect(messages(await imageOf({}, files))).toEqual([]);
    const LayerSources = JSON.parse(
      `{"${diffId}":{"mediaType":"a","digest":${lists},"size":1,"urls":["https://a"]}}`,
    ) as Record<string, unknown>;
    expect(messages(await imageOf({ LayerSources, Layers: ['gone.tar', 'two.tar'] }))).toEqual([
      `manifest.json is damaged: the LayerSources of ${diffId} has no valid digest but a list`,
    ]);
  });
});
