import { describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { ArchiveFiles, assertUsualPacking, diffIdsOf, MAX_JSON, platformOf } from '../../lib/archive/archive-files.js';
import type { ArchiveLayer } from '../../lib/archive/archive-image.js';
import { ValidationError } from '../../lib/errors.js';
import { digestOf } from '../../lib/oci/digest.js';
import type { TarEntry } from '../support/tar-builder.js';
import { bytesOf, errorOf, indexOf } from './reading.js';

async function filesOf(...entries: TarEntry[]): Promise<ArchiveFiles> {
  return new ArchiveFiles(await indexOf(entries));
}

async function problem(work: Promise<unknown> | (() => unknown)): Promise<string> {
  const error = await errorOf(work);
  expect(error).toBeInstanceOf(ValidationError);
  return error.message;
}

const DIGEST = digestOf('x');

describe('ArchiveFiles', () => {
  describe('json', () => {
    it('reads a file through links', async () => {
      const files = await filesOf({ name: 'link', linkTo: 'a.json' }, { name: 'a.json', content: '{"a":[1]}' });
      expect(await files.json('link')).toEqual({ a: [1] });
    });

    it('keeps a key called __proto__ as data', async () => {
      const files = await filesOf({ name: 'a', content: '{"__proto__":{"polluted":1}}' });
      const json = (await files.json('a')) as Record<string, unknown>;
      expect(Object.getPrototypeOf(json)).toBe(Object.prototype);
      expect(json.polluted).toBeUndefined();
    });

    it.each([
      ['nothing', ''],
      ['text', 'hello'],
      ['half of it', '{"a":'],
      ['two of it', '{}{}'],
      ['a byte order mark', '\ufeff{}'],
      ['brackets without end', '['.repeat(100_000)],
    ])('says that %s is not JSON', async (_, content) => {
      expect(await problem((await filesOf({ name: 'a', content })).json('a'))).toMatch(/^a is not JSON \(.+\)$/);
    });

    it('shows no control characters of what is not JSON', async () => {
      const files = await filesOf({ name: 'a', content: '\u001b[2J\u0007' });
      // eslint-disable-next-line no-control-regex
      expect(await problem(files.json('a'))).not.toMatch(/[\u0000-\u001f]/);
    });

    it('refuses more than 8 MiB by its size', async () => {
      const files = await filesOf({ name: 'a', content: Buffer.alloc(MAX_JSON + 1, ' ') });
      expect(await problem(files.json('a'))).toBe('a has 8388609 bytes, more than the 8388608 allowed');
    });

    it('stops at 64 MiB in all, though few bytes can name one large file over and over', async () => {
      const links = Array.from({ length: 20 }, (_, i): TarEntry => ({ name: `link ${i}`, linkTo: 'a' }));
      const files = await filesOf({ name: 'a', content: Buffer.alloc(MAX_JSON, ' ') }, ...links);
      for (let i = 0; i < 9; i++) await files.bytes(`link ${i}`);
      expect(await problem(files.bytes('link 9'))).toBe(
        'link 9 is not read: the archive has more than 67108864 bytes of JSON',
      );
    });

    it('names what is absent', async () => {
      expect(await problem((await filesOf({ name: 'a' })).json('b'))).toBe('b is not in the archive');
    });
  });

  describe('config', () => {
    it('gives the exact bytes and their digest', async () => {
      const content = '{ "os":"linux",  "os": "linux" }\n';
      const config = await (await filesOf({ name: 'sha256:abc', content })).config('sha256:abc');
      expect(config).toEqual({
        entry: 'sha256:abc',
        bytes: Buffer.from(content),
        digest: digestOf(content),
        json: { os: 'linux' },
      });
    });

    it.each(['null', '[]', '"text"', '1', 'true'])('says that %s is not a configuration', async (content) => {
      const files = await filesOf({ name: 'c.json', content });
      expect(await problem(files.config('c.json'))).toBe('c.json is not an image configuration');
    });
  });

  describe('layer', () => {
    it.each([
      ['none', Buffer.alloc(1024)],
      ['none', Buffer.alloc(0)],
      ['none', Buffer.from('x')],
      ['gzip', gzipSync('layer')],
      ['zstd', Buffer.from('28b52ffd0000', 'hex')],
      ['bzip2', Buffer.from('425a6839314159265359', 'hex')],
      ['xz', Buffer.from('fd377a585a000004', 'hex')],
    ])('finds that it is packed with %s', async (packing, content) => {
      // The name lies, as that of rules_oci does.
      const files = await filesOf({ name: 'before', content: 'x' }, { name: 'blobs/abc.tar.gz', content });
      const layer = await files.layer('./blobs/abc.tar.gz');
      expect(layer).toMatchObject({ entry: './blobs/abc.tar.gz', packing, size: content.length, position: 1536 });
      for (let i = 0; i < 2; i += 1) expect((await bytesOf(layer.open())).equals(content)).toBe(true);
    });

    it('knows a layer behind a link under the name it was asked for', async () => {
      const files = await filesOf(
        { name: 'a/layer.tar', content: 'x' },
        { name: 'b/layer.tar', linkTo: '../a/layer.tar' },
      );
      const [a, b] = [await files.layer('a/layer.tar'), await files.layer('b/layer.tar')];
      expect([b.entry, b.position]).toEqual(['b/layer.tar', a.position]);
    });
  });
});

describe('diffIdsOf', () => {
  const idsOf = (rootfs: unknown) => diffIdsOf({ entry: 'c.json', json: { rootfs } });

  it('gives the list', () => {
    expect(idsOf({ diff_ids: [DIGEST, digestOf('y', 'sha512')] })).toEqual([DIGEST, digestOf('y', 'sha512')]);
  });

  it('takes null and nothing for no layers, as in images from scratch', () => {
    expect([idsOf({ diff_ids: [] }), idsOf({ diff_ids: null }), idsOf({ type: 'layers' })]).toEqual([[], [], []]);
  });

  it.each([
    undefined,
    null,
    [],
    'x',
    { diff_ids: 'x' },
    { diff_ids: {} },
    { diff_ids: [null] },
    { diff_ids: [1] },
    { diff_ids: ['sha256:../../etc/passwd'] },
    { diff_ids: [DIGEST.toUpperCase()] },
    { diff_ids: [DIGEST.slice(0, -1)] },
    { diff_ids: ['md5:d41d8cd98f00b204e9800998ecf8427e'] },
  ])('refuses the rootfs %j', async (rootfs) => {
    expect(await problem(() => idsOf(rootfs))).toBe(
      'c.json has no valid rootfs.diff_ids, so it is not an image configuration',
    );
  });
});

describe('platformOf', () => {
  it('reads what the config says', () => {
    const platform = { os: 'windows', architecture: 'amd64', 'os.version': '10.0.1', variant: 'v2' };
    expect(platformOf({ ...platform, created: 'x' })).toEqual(platform);
  });

  it.each([
    [
      { os: 'linux', architecture: 'arm64', variant: '' },
      { os: 'linux', architecture: 'arm64' },
    ],
    [
      { os: 'linux', architecture: 'arm64', variant: 8, 'os.version': null },
      { os: 'linux', architecture: 'arm64' },
    ],
    [{ os: 'linux' }, undefined],
    [{ architecture: 'arm64' }, undefined],
    [{ os: 1, architecture: 'arm64' }, undefined],
  ])('makes of %j %j', (config, platform) => {
    expect(platformOf(config)).toEqual(platform);
  });
});

describe('assertUsualPacking', () => {
  const layer = (packing: ArchiveLayer['packing']) => ({ entry: 'layer.tar', packing }) as ArchiveLayer;

  it.each(['none', 'gzip', 'zstd'] as const)('has nothing against %s', (packing) => {
    expect(() => assertUsualPacking(layer(packing))).not.toThrow();
  });

  it.each(['xz', 'bzip2'] as const)('refuses %s', async (packing) => {
    expect(await problem(() => assertUsualPacking(layer(packing)))).toBe(
      `layer.tar is packed with ${packing}; layers may be plain, gzip or zstd`,
    );
  });
});
