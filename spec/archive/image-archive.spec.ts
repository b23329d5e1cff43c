import { describe, expect, it } from '@jest/globals';
import { digestOf } from '../../lib/oci/digest.js';
import { imageTar } from '../support/image-tar.js';
import type { TarEntry } from '../support/tar-builder.js';
import { named, OciLayout } from './oci-layout.js';
import { contentsOf } from './reading.js';

async function messages(entries: readonly TarEntry[]): Promise<string[]> {
  const { problems, images } = await contentsOf(entries);
  expect(images.length > 0 || problems.length > 0).toBe(true);
  return problems.map(({ entry, message }) => `${entry} ${message}`);
}

/** A `docker save` and an OCI layout of the same image with plain layers. */
function both({ manifestJson, LayerSources }: { manifestJson?: string; LayerSources?: object } = {}): TarEntry[] {
  const layout = new OciLayout();
  const root = named(layout.image('app'), 'app:1');
  const { config, layers } = layout.manifestOf(root);
  const path = ({ digest }: { digest: string }) => layout.blobs.get(digest)!.name;
  const docker = [{ Config: path(config), RepoTags: ['app:1'], Layers: layers.map(path), LayerSources }];
  return [...layout.entries(root), { name: 'manifest.json', content: manifestJson ?? JSON.stringify(docker) }];
}

describe('readArchive', () => {
  it('reads a docker archive', async () => {
    const { entries } = imageTar({ format: 'docker-24' });
    const contents = await contentsOf(entries);
    expect(contents.problems).toEqual([]);
    expect(contents.images).toHaveLength(1);
    expect(contents.dockerManifest).toHaveLength(1);
    expect(contents.layers).toHaveLength(2);
  });

  it('reads an OCI layout', async () => {
    const contents = await contentsOf(imageTar({ format: 'oci' }).entries);
    expect(contents).toMatchObject({ problems: [], images: [{}], dockerManifest: undefined });
    expect(contents.layers).toHaveLength(2);
  });

  it.each([
    ['with the manifest a registry served', undefined, true],
    ['without the one that the classic store of Docker made up', {}, false],
  ])('reads one image where both describe it, %s', async (_, LayerSources, hasRaw) => {
    const contents = await contentsOf(both(LayerSources ? { LayerSources } : {}));
    expect(contents.problems).toEqual([]);
    expect(contents.images).toMatchObject([{ tags: ['app:1'] }]);
    expect(contents.images[0]?.manifests[0]?.raw !== undefined).toBe(hasRaw);
    expect(contents.layers).toHaveLength(2);
  });

  it('takes nothing else where manifest.json cannot be read', async () => {
    for (const content of ['null', '{}', 'x', '[{}]']) {
      const contents = await contentsOf(both({ manifestJson: content }));
      expect(contents).toMatchObject({ images: [], layers: [], dockerManifest: undefined });
      expect(contents.problems).toMatchObject([{ entry: 'manifest.json' }]);
    }
  });

  it('takes the OCI images where manifest.json lists none', async () => {
    expect(await contentsOf(both({ manifestJson: '[]' }))).toMatchObject({
      problems: [],
      images: [{ tags: ['app:1'] }],
      dockerManifest: [],
    });
  });

  it('does without index.json where manifest.json lists images', async () => {
    const damaged = both().map((entry) => (entry.name === 'index.json' ? { ...entry, content: 'x' } : entry));
    expect(await contentsOf(damaged)).toMatchObject({ problems: [], images: [{ tags: ['app:1'] }] });
  });

  it('does not do without it where manifest.json lists none', async () => {
    const damaged = both({ manifestJson: '[]' }).map((entry) =>
      entry.name === 'index.json' ? { ...entry, content: 'x' } : entry,
    );
    expect(await messages(damaged)).toEqual(['index.json is damaged: the manifest is not JSON']);
  });

  it('keeps the layers of broken images', async () => {
    const gone = digestOf('app one');
    const entries = both().filter(({ name }) => !name.includes(gone.slice(7)));
    const contents = await contentsOf(entries);
    expect(contents.images).toEqual([]);
    expect(contents.problems).toHaveLength(1);
    expect(contents.layers.map(({ diffId }) => diffId)).toEqual([digestOf('app two')]);
  });

  describe('of a tar without an image', () => {
    const nothing = 'manifest.json is not in the archive, nor is index.json';

    it.each<[string, TarEntry[], string]>([
      ['without anything', [], `${nothing}: the tar is empty`],
      [
        'that docker export wrote',
        [{ name: 'bin/sh' }],
        `${nothing}: write it with docker save, not docker export or tar`,
      ],
      [
        'that Docker before 1.10 wrote',
        [{ name: 'repositories', content: '{}' }],
        `${nothing}: Docker before 1.10 wrote it; load and save it again with a newer one`,
      ],
      [
        'that has it in a folder',
        [{ name: 'app/' }, { name: 'app/manifest.json' }],
        `${nothing}, but there is app/manifest.json: pack what is in that folder, without the folder`,
      ],
      [
        'that has a layout in a folder',
        [{ name: './my\u0007app/index.json' }],
        `${nothing}, but there is my\\u0007app/index.json: pack what is in that folder, without the folder`,
      ],
      ['with an empty list', [{ name: 'manifest.json', content: '[]' }], 'manifest.json lists no image'],
      [
        'with an empty index',
        [{ name: 'index.json', content: '{"schemaVersion":2,"manifests":[]}' }],
        'index.json lists no image',
      ],
      [
        'with an empty list and an empty index',
        [
          { name: 'manifest.json', content: '[]' },
          { name: 'index.json', content: '{"schemaVersion":2,"manifests":[]}' },
        ],
        'manifest.json lists no image',
      ],
      ['with a directory of that name', [{ name: 'manifest.json/' }], 'manifest.json is a directory, not a file'],
      [
        'with a list that is there twice',
        [
          { name: 'manifest.json', content: '[]' },
          { name: './manifest.json', content: '[ ]' },
        ],
        'manifest.json is in the archive twice, with different content',
      ],
      [
        'with a list behind a link that leads out',
        [{ name: 'manifest.json', linkTo: '/etc/passwd' }],
        'manifest.json leaves the archive (through a link to /etc/passwd)',
      ],
    ])('%s says so', async (_, entries, message) => {
      expect(await messages(entries)).toEqual([message]);
    });
  });
});
