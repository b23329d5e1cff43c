import { describe, expect, it } from '@jest/globals';
import { TarArchive } from '../../lib/archive/tar-archive.js';
import { TarReadError, ValidationError } from '../../lib/errors.js';
import { bytes } from '../support/content.js';
import { hasZstd, imageTar, type ImageTarOptions } from '../support/image-tar.js';
import type { ImageFormat } from '../support/image-writers.js';
import { layerOf, type TarEntry } from '../support/tar-builder.js';
import { bzip2Layer, xzLayer } from './packings.js';
import { errorOf, problemsOf, withFile } from './reading.js';

/*
 * Archives that are damaged or hostile: what cannot be read as a tar is a TarReadError at once, everything else a
 * ValidationError that names the file and every entry.
 */

type Transform = (entries: TarEntry[]) => TarEntry[];

/** An element of manifest.json. */
interface Item {
  Config: string;
  RepoTags: string[] | null;
  Layers: string[];
}

/** Those that have a manifest.json and nothing beside it. */
const DOCKER: readonly ImageFormat[] = ['docker-24', 'skopeo', 'crane', 'nix', 'rules-oci'];
const ALL: readonly ImageFormat[] = [...DOCKER, 'docker-25', 'docker-containerd', 'oci', 'oci-skopeo'];

/** `entry message` of every problem: those thrown when the images are asked for, and those found by reading everything. */
async function damageOf(options: ImageTarOptions): Promise<{ thrown: string[]; found: string[] }> {
  return withFile(imageTar(options).tar, async (path) => {
    const archive = await TarArchive.open(path);
    try {
      const error = await errorOf(() => archive.images);
      expect(error).toBeInstanceOf(ValidationError);
      expect(error.message).toContain(`${path} is not a valid image archive: `);
      const { problems } = error as ValidationError;
      for (const { entry } of problems.slice(0, 10)) expect(error.message).toContain(entry);
      const report = await archive.validate();
      expect(report.valid).toBe(false);
      const [thrown, found] = [problems, report.problems].map((list) =>
        list.map(({ entry, message }) => `${entry} ${message}`),
      );
      return { thrown: thrown!, found: found! };
    } finally {
      await archive.close();
    }
  });
}

/** Of damage that shows without reading the layers, which is all that can be wrong. */
async function shownAtOnce(options: ImageTarOptions): Promise<string[]> {
  const { thrown, found } = await damageOf(options);
  expect(found).toEqual(thrown);
  return thrown;
}

function manifestJson(change: (items: Item[]) => unknown): Transform {
  return (entries) =>
    entries.map((entry) => {
      if (entry.name !== 'manifest.json') return entry;
      return {
        ...entry,
        content: JSON.stringify(change(JSON.parse(entry.content as string) as Item[])),
      };
    });
}

function configEntry(entries: readonly TarEntry[], config: Buffer): TarEntry {
  return entries.find((entry) => entry.content === config)!;
}

describe('a missing layer', () => {
  it.each(ALL)('is named in %s', async (format) => {
    expect(await shownAtOnce({ format, missingLayer: 1 })).toEqual([
      expect.stringMatching(/^\S+ is not in the archive$/),
    ]);
  });
});

describe('a missing config', () => {
  it.each([...DOCKER, 'docker-25'] as const)('is named in %s', async (format) => {
    const { configDigest } = imageTar({ format });
    const [problem, ...others] = await shownAtOnce({ format, missingConfig: true });
    expect(others).toEqual([]);
    expect(problem).toContain(configDigest.slice(7));
    expect(problem).toMatch(/ is not in the archive$/);
  });

  it.each(['oci', 'oci-skopeo'] as const)('is named in %s', async (format) => {
    const { configDigest } = imageTar({ format });
    expect(await shownAtOnce({ format, missingConfig: true })).toEqual([
      `blobs/sha256/${configDigest.slice(7)} is not in the archive, though index.json needs it`,
    ]);
  });
});

describe('a missing manifest.json', () => {
  it.each(DOCKER)('is told in %s', async (format) => {
    expect(await shownAtOnce({ format, missingManifestJson: true })).toEqual([
      expect.stringMatching(/^manifest\.json is not in the archive, nor is index\.json: /),
    ]);
  });

  it('does not matter where there is an OCI layout', async () => {
    expect(await problemsOf({ format: 'docker-25', missingManifestJson: true })).toEqual([]);
  });
});

describe('layers and diff_ids', () => {
  it.each(ALL)('that differ in number are told in %s', async (format) => {
    const problems = await shownAtOnce({ format, extraDiffId: true });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/2 layers.*3 diff_ids|3 diff_ids.*2 layers/);
  });

  it.each(ALL)('that differ in content are found by reading, and named, in %s', async (format) => {
    const wrong = await problemsOf({ format, wrongDiffId: 1 });
    expect(wrong).toEqual([
      expect.stringMatching(/^\S+ has the diff_id sha256:\w{64}, but the config says sha256:\w{64}$/),
    ]);
    const corrupt = await problemsOf({ format, corruptLayer: 0 });
    expect(corrupt).toEqual([expect.stringMatching(/^\S+ (has the di(ff_id|gest) sha256:|cannot be unpacked)/)]);
    expect(wrong[0]!.split(' ')[0]).not.toBe(corrupt[0]!.split(' ')[0]);
  });

  it.each(ALL)('are all checked where something else is wrong, too, in %s', async (format) => {
    const layers = ['a', 'b', 'c', 'd'].map((name) => layerOf({ [name]: name }));
    const { thrown, found } = await damageOf({ format, layers, missingLayer: 0, corruptLayer: 2, wrongDiffId: 3 });
    expect(thrown).toHaveLength(1);
    expect(found).toHaveLength(3);
    expect(new Set(found.map((problem) => problem.split(' ')[0])).size).toBe(3);
  });
});

describe('a path that leaves the archive', () => {
  const paths = ['/etc/passwd', '../../etc/passwd', 'a/../../etc/passwd', '..', '.', './../etc/passwd'];

  it.each(paths)('is refused as Config: %s', async (configPath) => {
    for (const format of ['docker-24', 'docker-25', 'docker-containerd'] as const) {
      expect(await shownAtOnce({ format, configPath })).toEqual([`${configPath} leaves the archive`]);
    }
  });

  it.each([...paths, ''])('is refused as a layer: %j', async (layerPath) => {
    for (const format of ['docker-24', 'docker-25'] as const) {
      expect(await shownAtOnce({ format, layerPath })).toEqual([`${layerPath || '""'} leaves the archive`]);
    }
  });

  it.each(['/etc/passwd', '../../../etc/passwd', '../../../../../../../../etc/passwd'])(
    'is refused as the target of a link: %s',
    async (layerLink) => {
      for (const format of ['docker-24', 'skopeo', 'docker-25'] as const) {
        expect(await shownAtOnce({ format, layerLink })).toEqual([
          expect.stringMatching(/^\S+ leaves the archive \(through a link to \S*etc\/passwd\)$/),
        ]);
      }
    },
  );

  it('is refused although an entry has that name', async () => {
    const transform = (entries: TarEntry[]): TarEntry[] => [...entries, { name: '/etc/passwd', content: '{}' }];
    expect(await shownAtOnce({ format: 'docker-24', configPath: '/etc/passwd', transform })).toEqual([
      '/etc/passwd leaves the archive',
    ]);
  });
});

describe('a link', () => {
  it.each(['docker-24', 'skopeo', 'docker-25'] as const)('in a cycle is refused in %s', async (format) => {
    expect(await shownAtOnce({ format, linkCycle: true })).toEqual([
      expect.stringMatching(/^\S+ is a link that leads back to itself$/),
    ]);
  });

  it('to what is not there is refused, naming both', async () => {
    expect(await shownAtOnce({ format: 'docker-24', layerLink: '../gone/layer.tar' })).toEqual([
      expect.stringMatching(/^\w{64}\/layer\.tar is not in the archive \(through a link to gone\/layer\.tar\)$/),
    ]);
  });

  it('behind a thousand others is refused', async () => {
    const transform = (entries: TarEntry[]): TarEntry[] => [
      ...entries,
      ...Array.from({ length: 1000 }, (_, i) => ({ name: `l${i}`, linkTo: `l${i + 1}` })),
    ];
    expect(await shownAtOnce({ format: 'docker-24', layerPath: 'l0', transform })).toEqual([
      'l0 leads through more than 40 links',
    ]);
  });
});

describe('a name that is there twice', () => {
  const named = (
    entries: TarEntry[],
    isMeant: (entry: TarEntry) => boolean,
    name = (own: string) => own,
  ): TarEntry[] => {
    const entry = entries.find(isMeant)!;
    return [...entries, { ...entry, name: name(entry.name), content: '[]', type: 'file' }];
  };

  it.each<[string, (entry: TarEntry) => boolean]>([
    ['manifest.json', ({ name }) => name === 'manifest.json'],
    ['a config', ({ name }) => /^\w{64}\.json$/.test(name)],
    ['a layer', ({ name, content }) => name.endsWith('/layer.tar') && content !== undefined],
  ])('is refused with other content: %s', async (_, isMeant) => {
    for (const name of [(own: string) => own, (own: string) => `./${own}`, (own: string) => `x/../${own}`]) {
      const problems = await shownAtOnce({
        format: 'docker-24',
        transform: (entries) => named(entries, isMeant, name),
      });
      expect(problems).toEqual([expect.stringMatching(/^\S+ is in the archive twice, with different content$/)]);
    }
  });

  it('does not matter where nobody needs it', async () => {
    const transform = (entries: TarEntry[]): TarEntry[] => named(entries, ({ name }) => name.endsWith('/VERSION'));
    expect(await problemsOf({ format: 'docker-24', transform })).toEqual([]);
  });
});

describe('a layer', () => {
  const replaced =
    (change: Partial<TarEntry>): Transform =>
    (entries) =>
      entries.map((entry) => (/^\w{64}\/layer\.tar$/.test(entry.name) ? { ...entry, ...change } : entry));

  it.each<[string, Partial<TarEntry>]>([
    ['a sparse file', { type: 'gnuSparse' }],
    ['a sparse file', { pax: { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0' } }],
    ['a directory', { type: 'directory', content: '' }],
    ['a special file', { type: 'fifo', content: '' }],
    ['a special file', { type: 'blockDevice', content: '' }],
  ])('that is %s is refused', async (kind, change) => {
    const problems = await shownAtOnce({ format: 'docker-24', transform: replaced(change) });
    expect(problems).toHaveLength(2);
    for (const problem of problems) expect(problem).toMatch(new RegExp(`layer\\.tar is ${kind}, not a file$`));
  });

  it.each([
    ['xz', xzLayer],
    ['bzip2', bzip2Layer],
  ])('that is packed with %s is refused, and told how layers may be packed', async (packing, content) => {
    const problems = await shownAtOnce({ format: 'docker-24', transform: replaced({ content }) });
    expect(problems[0]).toMatch(
      new RegExp(`layer\\.tar is packed with ${packing}; layers may be plain, gzip or zstd$`),
    );
  });

  it('that is packed with zstd is checked where Node can, and else told what to do', async () => {
    const content = Buffer.from('28b52ffd0458090000', 'hex');
    const [first] = await problemsOf({ format: 'docker-24', transform: replaced({ content }) });
    expect(first).toMatch(
      hasZstd() ? /cannot be unpacked|has the diff_id/ : /is packed with zstd, .* or use Node 22\.15 or later/,
    );
  });

  it('of a size that no file can have makes the tar unreadable, by name', async () => {
    for (const claimedSize of [-1, Number.MAX_SAFE_INTEGER, 2 ** 62]) {
      const { tar } = imageTar({ format: 'docker-24', transform: replaced({ claimedSize }) });
      const error = await errorOf(TarArchive.open(tar));
      expect(error).toBeInstanceOf(TarReadError);
      expect(error.message).toMatch(/(has no valid size for|has a damaged header of) \w{64}\/layer\.tar/);
    }
  });
});

describe('manifest.json', () => {
  it.each([
    ['null', () => null, 'is not a list of images'],
    ['an object', (items: Item[]) => items[0], 'is not a list of images'],
    ['text', () => 'x', 'is not a list of images'],
    ['an empty list', () => [], 'lists no image'],
    ['a list of nothing', () => [null], 'has an element 0 that is not an object'],
  ])('that is %s is refused', async (_, change, message) => {
    expect(await shownAtOnce({ format: 'docker-24', transform: manifestJson(change) })).toEqual([
      `manifest.json ${message}`,
    ]);
  });

  it('that is not JSON is refused', async () => {
    const transform = (entries: TarEntry[]): TarEntry[] =>
      entries.map((entry) => (entry.name === 'manifest.json' ? { ...entry, content: '[{"Config":' } : entry));
    expect(await shownAtOnce({ format: 'docker-24', transform })).toEqual([
      expect.stringMatching(/^manifest\.json is not JSON \(/),
    ]);
  });

  it('with names in small letters is refused, and not taken for an image of nothing', async () => {
    const lower = (items: Item[]) =>
      items.map(({ Config, Layers, RepoTags }) => ({ config: Config, layers: Layers, repoTags: RepoTags }));
    expect(await shownAtOnce({ format: 'docker-24', transform: manifestJson(lower) })).toEqual([
      'manifest.json has an element 0 without Config',
    ]);
  });

  it('with keys called __proto__ is read without them', async () => {
    const transform = (entries: TarEntry[]): TarEntry[] =>
      entries.map((entry) =>
        entry.name === 'manifest.json'
          ? { ...entry, content: (entry.content as string).replace('{', '{"__proto__":{"RepoTags":["evil:1"]},') }
          : entry,
      );
    expect(await problemsOf({ format: 'docker-24', transform, tags: null })).toEqual([]);
    const archive = await TarArchive.open(imageTar({ format: 'docker-24', transform, tags: null }).tar);
    expect(archive.originalTags).toEqual([]);
    expect(({} as Record<string, unknown>).RepoTags).toBeUndefined();
  });

  it('with a tag that is no name is refused, with all others that are none', async () => {
    const problems = await shownAtOnce({ format: 'docker-24', tags: ['ok:1', 'Bad:1', 'a/../b:1', 'x:\u001b[2J'] });
    expect(problems).toHaveLength(3);
    for (const problem of problems) expect(problem).toMatch(/^manifest\.json has a RepoTag that is no name: /);
  });
});

describe('a config', () => {
  const replacedBy =
    (content: TarEntry['content']): Transform =>
    (entries) => {
      const { config } = imageTar({ format: 'docker-24' });
      return entries.map((entry) =>
        Buffer.isBuffer(entry.content) && entry.content.equals(config) ? { ...entry, content: content! } : entry,
      );
    };

  it.each([
    ['not JSON', 'not JSON', /is not JSON \(/],
    ['empty', '', /is not JSON \(/],
    ['null', 'null', /is not an image configuration$/],
    ['a list', '[]', /is not an image configuration$/],
    ['without rootfs', '{"os":"linux"}', /has no valid rootfs\.diff_ids, so it is not an image configuration$/],
    ['with diff_ids that are paths', '{"rootfs":{"diff_ids":["../x","y"]}}', /has no valid rootfs\.diff_ids/],
    ['with a rootfs in its prototype', '{"__proto__":{"rootfs":{"diff_ids":[]}}}', /has no valid rootfs\.diff_ids/],
    [
      'larger than 8 MiB',
      bytes(Buffer.alloc(8 * 1024 * 1024 + 1, ' ')),
      /has 8388609 bytes, more than the 8388608 allowed$/,
    ],
  ])('that is %s is refused by name', async (_, content, message) => {
    const problems = await shownAtOnce({ format: 'docker-24', transform: replacedBy(content) });
    expect(problems).toEqual([expect.stringMatching(message)]);
    expect(problems[0]).toMatch(/^\w{64}\.json /);
  });

  it('of an OCI layout that is another than its name says is refused', async () => {
    const { config, entries } = imageTar({ format: 'oci' });
    const { name } = configEntry(entries, config);
    const transform = (all: TarEntry[]): TarEntry[] =>
      all.map((entry) => (entry.name === name ? { ...entry, content: Buffer.from(config).fill('X', 20, 21) } : entry));
    expect(await shownAtOnce({ format: 'oci', transform })).toEqual([
      `${name} does not have the content its name promises`,
    ]);
  });
});
