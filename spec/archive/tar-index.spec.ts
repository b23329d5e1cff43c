import { describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import type { ArchiveSource } from '../../lib/archive/archive-source.js';
import { BufferSource } from '../../lib/archive/buffer-source.js';
import { PackedSource } from '../../lib/archive/packed-source.js';
import { TarIndex } from '../../lib/archive/tar-index.js';
import { TarReadError, ValidationError } from '../../lib/errors.js';
import { buildTar, type TarEntry } from '../support/tar-builder.js';
import { bytesOf, CountingSource, errorOf, indexOf } from './reading.js';

async function contentOf(entries: readonly TarEntry[], name: string): Promise<string> {
  const index = await indexOf(entries);
  return (await bytesOf(index.open(await index.resolve(name)))).toString();
}

/** The one problem with `name`. */
async function problemOf(entries: readonly TarEntry[], name: string): Promise<string> {
  const index = await indexOf(entries);
  const error = await errorOf(index.resolve(name));
  expect(error).toBeInstanceOf(ValidationError);
  const { problems, message } = error as ValidationError;
  expect(problems).toHaveLength(1);
  expect(message).toBe(`${problems[0]!.entry} ${problems[0]!.message}`);
  return message;
}

function chain(length: number): TarEntry[] {
  const links = Array.from({ length }, (_, i) => ({ name: `link-${i}`, linkTo: i === 0 ? 'file' : `link-${i - 1}` }));
  return [...links, { name: 'file', content: 'found' }];
}

describe('TarIndex', () => {
  it('lists the names, normalised', async () => {
    const index = await indexOf([{ name: './' }, { name: './blobs/' }, { name: './blobs/x' }, { name: 'y' }]);
    expect([...index.names]).toEqual(['.', 'blobs', 'blobs/x', 'y']);
  });

  it('knows whether a name is there, however it is written', async () => {
    const index = await indexOf([{ name: './a/b' }]);
    expect([index.has('a/b'), index.has('./a//b'), index.has('x/../a/b'), index.has('b')]).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });

  it('passes on that a tar cannot be read', async () => {
    const source = new BufferSource(buildTar([{ name: 'a', content: 'x' }]).subarray(0, 512));
    expect(await errorOf(TarIndex.read(source))).toBeInstanceOf(TarReadError);
  });

  it('refuses more entries than fit into memory', async () => {
    const name = 'n'.repeat(1_000_000);
    const one = buildTar([{ name }], { end: false });
    const endless: ArchiveSource = Object.assign(new BufferSource(one), {
      read: (position: number, length: number) => {
        const at = position % one.length;
        return Promise.resolve(one.subarray(at, at + length));
      },
    });
    const error = await errorOf(TarIndex.read(endless));
    expect(error).toBeInstanceOf(TarReadError);
    expect(error.message).toContain('has more entries than fit into memory');
  });

  describe('resolve', () => {
    it('finds a file by any spelling of its name', async () => {
      expect(await contentOf([{ name: './a/b', content: 'x' }], 'a/./b')).toBe('x');
      expect(await contentOf([{ name: 'a/b', content: 'x' }], './c/../a/b')).toBe('x');
      expect(await contentOf([{ name: 'sha256:abc', content: 'x' }], 'sha256:abc')).toBe('x');
    });

    it('finds nothing under the name of a prototype', async () => {
      for (const name of ['__proto__', 'constructor', 'toString']) {
        expect(await problemOf([{ name: 'a' }], name)).toBe(`${name} is not in the archive`);
      }
      expect(await contentOf([{ name: '__proto__', content: 'x' }], '__proto__')).toBe('x');
    });

    it.each<[string, string, TarEntry[]]>([
      ['beside it', 'l', [{ name: 'l', linkTo: 'file' }]],
      ['with ./', 'l', [{ name: 'l', linkTo: './file' }]],
      ['up and over', 'one/layer.tar', [{ name: 'one/layer.tar', linkTo: '../file' }]],
      ['down', 'l', [{ name: 'l', linkTo: 'sub/l2' }, { name: 'sub/l2', linkTo: '../file' }]], // prettier-ignore
      ['through the root of the archive and back', 'a/b/l', [{ name: 'a/b/l', linkTo: '../../a/../file' }]],
      ['from a name with ./', 'l', [{ name: './l', linkTo: './file' }]],
      ['that is a hard link, from the root', 'sub/l', [{ name: 'sub/l', type: 'hardlink', linkTo: 'file' }]],
      ['that is a hard link with ./', 'sub/l', [{ name: 'sub/l', type: 'hardlink', linkTo: './file' }]],
      ['of the other kind', 'l', [{ name: 'l', linkTo: 'h' }, { name: 'h', type: 'hardlink', linkTo: 'file' }]], // prettier-ignore
    ])('follows a link %s', async (_, name, links) => {
      const file = { name: 'file', content: 'found' };
      expect(await contentOf([...links, file], name)).toBe('found');
      expect(await contentOf([file, ...links], name)).toBe('found');
    });

    it('follows forty links, one behind the other', async () => {
      expect(await contentOf(chain(40), 'link-39')).toBe('found');
    });

    it('refuses forty-one', async () => {
      expect(await problemOf(chain(41), 'link-40')).toBe('link-40 leads through more than 40 links');
    });

    it.each<[string, TarEntry[], string]>([
      ['itself', [{ name: 'a', linkTo: 'a' }], 'a'],
      ['itself, as a hard link', [{ name: 'a', type: 'hardlink', linkTo: 'a' }], 'a'],
      ['a link back', [{ name: 'a', linkTo: 'b' }, { name: 'b', linkTo: 'a' }], 'a'], // prettier-ignore
      ['a cycle it is not in', [{ name: 'a', linkTo: 'b' }, { name: 'b', linkTo: 'c' }, { name: 'c', linkTo: 'b' }], 'a'], // prettier-ignore
    ])('refuses a link to %s', async (_, entries, name) => {
      expect(await problemOf(entries, name)).toBe('a is a link that leads back to itself');
    });

    it('names both where a link leads nowhere', async () => {
      expect(await problemOf([{ name: 'one/layer.tar', linkTo: '../two/layer.tar' }], 'one/layer.tar')).toBe(
        'one/layer.tar is not in the archive (through a link to two/layer.tar)',
      );
    });

    it.each<[string, TarEntry]>([
      ['/etc/passwd', { name: 'x/l', linkTo: '/etc/passwd' }],
      ['../../etc/passwd', { name: 'x/l', linkTo: '../../../etc/passwd' }],
      ['../etc/passwd', { name: 'x/l', type: 'hardlink', linkTo: '../etc/passwd' }],
      ['/etc/passwd', { name: 'x/l', type: 'hardlink', linkTo: '/etc/passwd' }],
    ])('refuses a link to %s, although an entry has that name', async (target, link) => {
      const entries = [link, { name: '/etc/passwd', content: 'root' }, { name: '../etc/passwd', content: 'root' }];
      expect(await problemOf(entries, 'x/l')).toBe(`x/l leaves the archive (through a link to ${target})`);
    });

    it.each(['/etc/passwd', '../../etc/passwd', '..', '.', '', 'a/../../b'])('refuses the name %j', async (name) => {
      const message = await problemOf([{ name: '/etc/passwd', content: 'root' }, { name: '../b' }], name);
      expect(message).toBe(`${name === '' ? '""' : name} leaves the archive`);
    });

    it.each<[string, TarEntry]>([
      ['a directory', { name: 'x/' }],
      ['a sparse file', { name: 'x', type: 'gnuSparse', content: 'x' }],
      ['a sparse file', { name: 'x', content: 'x', pax: { 'GNU.sparse.map': '0,1' } }],
      ['a special file', { name: 'x', type: 'fifo' }],
      ['a special file', { name: 'x', type: 'characterDevice' }],
      ['a special file', { name: 'x', type: 'blockDevice' }],
    ])('refuses %s', async (kind, entry) => {
      expect(await problemOf([entry], 'x')).toBe(`x is ${kind}, not a file`);
      expect(await problemOf([{ name: 'l', linkTo: 'x' }, entry], 'l')).toBe(`l is ${kind}, not a file`);
    });

    it('makes control characters of a name visible', async () => {
      expect(await problemOf([{ name: 'a' }], 'a\u001b[2J\nb')).toBe('a\\u001b[2J\\u000ab is not in the archive');
    });

    describe('where a name is there twice', () => {
      const twice = (a: Partial<TarEntry>, b: Partial<TarEntry>): TarEntry[] => [
        { name: 'x', ...a },
        { name: 'between', content: 'y' },
        { name: './x', ...b },
      ];

      it('takes either when the content is the same', async () => {
        expect(await contentOf(twice({ content: 'same' }, { content: 'same' }), 'x')).toBe('same');
        const links = [...twice({ linkTo: 'between' }, { linkTo: 'between' })];
        expect(await contentOf(links, 'x')).toBe('y');
      });

      it.each<[string, Partial<TarEntry>, Partial<TarEntry>]>([
        ['content', { content: 'aaaa' }, { content: 'bbbb' }],
        ['length', { content: 'aaaa' }, { content: 'aaaaa' }],
        ['kind', { content: '' }, { linkTo: 'between' }],
        ['kind', { type: 'directory' }, { content: '' }],
        ['target', { linkTo: 'between' }, { linkTo: 'x' }],
      ])('refuses another %s', async (_, a, b) => {
        expect(await problemOf(twice(a, b), 'x')).toBe('x is in the archive twice, with different content');
        expect(await problemOf(twice(b, a), 'x')).toBe('x is in the archive twice, with different content');
      });

      it('refuses a third one that differs', async () => {
        const entries = [...twice({ content: 'a' }, { content: 'a' }), { name: 'x', content: 'b' }];
        expect(await problemOf(entries, 'x')).toBe('x is in the archive twice, with different content');
      });

      it('refuses it behind a link, naming both', async () => {
        const entries = [{ name: 'l', linkTo: 'x' }, ...twice({ content: 'a' }, { content: 'b' })];
        expect(await problemOf(entries, 'l')).toBe(
          'l is in the archive twice, with different content (through a link to x)',
        );
      });

      it('does not mind where nobody asks for it', async () => {
        expect(await contentOf(twice({ content: 'a' }, { content: 'b' }), 'between')).toBe('y');
      });

      it('compares once, however often it is asked for', async () => {
        const source = new CountingSource(new BufferSource(buildTar(twice({ content: 'a' }, { content: 'a' }))));
        const index = await TarIndex.read(source);
        for (let i = 0; i < 5; i += 1) await index.resolve('x');
        expect(source.opened).toBe(2);
      });
    });
  });

  describe('readSmall', () => {
    const entries = [{ name: 'config', content: '{"a":1}' }, { name: 'link', linkTo: 'config' }, { name: 'empty' }];

    it('gives the whole content, through links too', async () => {
      const index = await indexOf(entries);
      expect((await index.readSmall('config', 7)).toString()).toBe('{"a":1}');
      expect((await index.readSmall('link', 7)).toString()).toBe('{"a":1}');
      expect(await index.readSmall('empty', 0)).toHaveLength(0);
    });

    it('refuses more than the limit, without reading it', async () => {
      const source = new CountingSource(new BufferSource(buildTar(entries)));
      const index = await TarIndex.read(source);
      const before = source.bytesRead;
      expect((await errorOf(index.readSmall('config', 6))).message).toBe('config has 7 bytes, more than the 6 allowed');
      expect(source.bytesRead).toBe(before);
    });

    it('says when the file has lost its content since', async () => {
      const source = new BufferSource(buildTar([{ name: 'config', content: '{"a":"more than its first bytes"}' }]));
      const index = await TarIndex.read(source);
      source.read = () => Promise.resolve(Buffer.alloc(3));
      const error = await errorOf(index.readSmall('config', 100));
      expect(error).toBeInstanceOf(TarReadError);
      expect(error.message).toContain('the archive in memory ended inside config');
    });
  });

  describe('readStart', () => {
    it('gives the first bytes, or all there are', async () => {
      const index = await indexOf([{ name: 'a', content: 'abcdef' }, { name: 'b' }]);
      expect((await index.readStart(await index.resolve('a'), 4)).toString()).toBe('abcd');
      expect((await index.readStart(await index.resolve('a'), 10)).toString()).toBe('abcdef');
      expect(await index.readStart(await index.resolve('b'), 10)).toHaveLength(0);
    });
  });

  describe('open', () => {
    it('streams a content in pieces of up to 1 MiB, from the start at every call', async () => {
      const content = Buffer.alloc(2.5 * 1024 * 1024, 'x');
      const index = await indexOf([{ name: 'a', content: 'first' }, { name: 'big', content }, { name: 'empty' }]);
      const entry = await index.resolve('big');
      for (let i = 0; i < 2; i += 1) {
        const lengths: number[] = [];
        for await (const chunk of index.open(entry)) lengths.push((chunk as Buffer).length);
        expect(lengths).toEqual([1024 * 1024, 1024 * 1024, 512 * 1024]);
      }
      expect(await bytesOf(index.open(await index.resolve('empty')))).toHaveLength(0);
    });
  });

  describe('of a name that is there a thousand times', () => {
    it('reads each content once, and a packed tar once', async () => {
      const twins = Array.from({ length: 1000 }, () => ({ name: 'a', content: 'the same, and too long to be kept' }));
      const stored = new CountingSource(
        new BufferSource(gzipSync(buildTar([...twins, { name: 'link', linkTo: 'a' }]))),
      );
      const index = await TarIndex.read(new PackedSource(stored, 'gzip'));
      const before = stored.opened;
      await Promise.all([index.resolve('a'), index.resolve('link')]);
      expect(stored.opened - before).toBeLessThanOrEqual(3);
    });
  });
});
