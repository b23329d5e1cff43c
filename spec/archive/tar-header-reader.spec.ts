import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ArchiveSource } from '../../lib/archive/archive-source.js';
import { BufferSource } from '../../lib/archive/buffer-source.js';
import { SNIFF_LENGTH } from '../../lib/compression/sniff.js';
import type { TarEntry as ReadEntry } from '../../lib/archive/tar-entry.js';
import { TarHeaderReader } from '../../lib/archive/tar-header-reader.js';
import { TarReadError } from '../../lib/errors.js';
import { readWithNodeTar } from '../support/node-tar-reader.js';
import { buildTar, paxEntry, type TarEntry, type TarOptions, TYPE_FLAG } from '../support/tar-builder.js';
import { CountingSource, errorOf } from './reading.js';

const BLOCK = 512;

async function readAll(source: ArchiveSource): Promise<ReadEntry[]> {
  const entries: ReadEntry[] = [];
  for await (const entry of new TarHeaderReader(source).entries()) entries.push(entry);
  return entries;
}

function read(entries: readonly TarEntry[], options?: TarOptions): Promise<ReadEntry[]> {
  return readAll(new BufferSource(buildTar(entries, options)));
}

function readBytes(bytes: Buffer): Promise<ReadEntry[]> {
  return readAll(new BufferSource(bytes));
}

/** As packed archives are: of unknown size, and only read onwards. Going back is a mistake, and fails. */
function onwards(tar: Buffer): ArchiveSource {
  const whole = new BufferSource(tar);
  let reached = 0;
  return {
    name: whole.name,
    randomAccess: false,
    read: async (position, length) => {
      if (position < reached) throw new Error(`went back from ${reached} to ${position}`);
      const bytes = await whole.read(position, length);
      reached = position + bytes.length;
      return bytes;
    },
    reaches: (end) => {
      reached = Math.max(reached, end);
      return whole.reaches(end);
    },
    open: (range) => whole.open(range),
    checkEnd: () => whole.checkEnd(),
    close: () => whole.close(),
  };
}

async function tarError(work: Promise<unknown>): Promise<string> {
  const error = await errorOf(work);
  expect(error).toBeInstanceOf(TarReadError);
  return error.message;
}

describe('TarHeaderReader', () => {
  it('finds where every content lies', async () => {
    const tar = buildTar([
      { name: 'dir/' },
      { name: 'dir/a', content: 'x'.repeat(513) },
      { name: 'empty' },
      { name: 'b', content: 'last' },
    ]);
    const entries = await readBytes(tar);
    expect(entries).toMatchObject([
      { name: 'dir', kind: 'directory', position: 512, size: 0 },
      { name: 'dir/a', kind: 'file', position: 1024, size: 513 },
      { name: 'empty', kind: 'file', position: 2560, size: 0 },
      { name: 'b', kind: 'file', position: 3072, size: 4 },
    ]);
    expect(tar.toString('latin1', 3072, 3076)).toBe('last');
  });

  it('sees what the tar package sees', async () => {
    const tar = buildTar([
      { name: 'short', content: 'a' },
      { name: `${'long/'.repeat(60)}pax`, content: 'bb' },
      { name: `${'long/'.repeat(60)}gnu`, content: 'ccc', longNamesAs: 'gnu' },
      { name: `${'long/'.repeat(20)}ustar`, content: 'dddd', longNamesAs: 'ustar' },
      { name: '레이어/계층.tar', content: 'e' },
      { name: 'pax-size', content: 'ffffff', sizeAs: 'pax' },
      { name: 'base256', content: 'ggggggg', sizeAs: 'base256' },
      { name: 'old', type: 'oldFile', content: 'h' },
      { name: 'contiguous', type: 'contiguous', content: 'ii' },
      { name: 'link', linkTo: 'short' },
      { name: 'hard', type: 'hardlink', linkTo: `${'long/'.repeat(60)}pax` },
      { name: 'hard-gnu', type: 'hardlink', linkTo: `${'long/'.repeat(60)}gnu`, longNamesAs: 'gnu' },
    ]);
    const expected = await readWithNodeTar(tar);
    const ours = await readBytes(tar);
    expect(ours.map(({ name, size, linkpath }) => ({ name, size, linkpath }))).toEqual(
      expected.map(({ path, size, linkpath }) => ({ name: path, size, linkpath })),
    );
    expect(ours.map(({ position, size }) => tar.subarray(position, position + size))).toEqual(
      expected.map(({ content }) => content),
    );
  });

  it('drops ./ before and / behind names', async () => {
    const entries = await read([{ name: './' }, { name: './a/' }, { name: './a/b' }]);
    expect(entries.map(({ name, kind }) => [name, kind])).toEqual([
      ['.', 'directory'],
      ['a', 'directory'],
      ['a/b', 'file'],
    ]);
  });

  it.each(['pax', 'base256'] as const)(
    'reads a size of 9 GiB written as %s, and the entry behind it',
    async (sizeAs) => {
      const size = 9 * 2 ** 30;
      const header = buildTar([{ name: 'huge', claimedSize: size, sizeAs }], { end: false });
      const rest = buildTar([{ name: 'manifest.json', content: '[]' }]);
      // A source with a hole of 9 GiB.
      const hole: ArchiveSource = {
        ...onwards(Buffer.alloc(0)),
        randomAccess: true,
        reaches: (end) => Promise.resolve(end <= header.length + size + rest.length),
        read: (position, length) => {
          const stored =
            position < header.length ? header.subarray(position) : rest.subarray(position - header.length - size);
          const isHole = position >= header.length && position < header.length + size;
          return Promise.resolve(isHole ? Buffer.alloc(length) : stored.subarray(0, length));
        },
      };
      const [huge, manifest] = await readAll(hole);
      expect(huge).toMatchObject({ name: 'huge', size, position: header.length });
      expect(manifest).toMatchObject({ name: 'manifest.json', size: 2, position: header.length + size + BLOCK });
    },
  );

  it('reads headers and the bytes that tell what follows, and nothing else', async () => {
    const content = Buffer.alloc(1024 * 1024);
    const tar = buildTar(Array.from({ length: 8 }, (_, i) => ({ name: `layer-${i}`, content })));
    const source = new CountingSource(new BufferSource(tar));
    expect(await readAll(source)).toHaveLength(8);
    expect(source.bytesRead).toBe((8 + 2) * BLOCK + (8 + 1) * SNIFF_LENGTH);
    expect(source.opened).toBe(0);
  });

  it.each(['1', '2', '3', '4', '5', '6'])(
    'takes nothing for content of type %s, whatever its size says',
    async (flag) => {
      const [type] = Object.entries(TYPE_FLAG).find(([, value]) => value === flag) as [keyof typeof TYPE_FLAG, string];
      const entries = await read([{ name: 'x', type, linkTo: 'y', claimedSize: 4096 }, { name: 'next' }]);
      expect(entries.map(({ name, size }) => [name, size])).toEqual([['x', 0], ['next', 0]]); // prettier-ignore
    },
  );

  it('skips the content of an old directory, which is a file with a slash behind its name', async () => {
    const hidden = buildTar([{ name: 'manifest.json', content: '[]' }], { end: false });
    const entries = await read([{ name: 'dir/', type: 'file', content: hidden }, { name: 'next' }]);
    expect(entries.map(({ name, kind }) => [name, kind])).toEqual([['dir', 'directory'], ['next', 'file']]); // prettier-ignore
  });

  describe('of extended headers', () => {
    it('applies them to the next entry only', async () => {
      const entries = await read([{ name: 'a', pax: { path: 'renamed' } }, { name: 'b' }]);
      expect(entries.map(({ name }) => name)).toEqual(['renamed', 'b']);
    });

    it('lets PAX win over the prefix of the header it extends', async () => {
      const name = `${'folder/'.repeat(20)}name`;
      const [entry] = await read([{ name, longNamesAs: 'ustar', pax: { path: 'real' } }]);
      expect(entry?.name).toBe('real');
    });

    it('lets a PAX linkpath win over that of the header', async () => {
      const [entry] = await read([{ name: 'a', linkTo: 'short', pax: { linkpath: 'real' } }]);
      expect(entry?.linkpath).toBe('real');
    });

    it('takes the later of two PAX headers, as Go does', async () => {
      const entries = await read([paxEntry({ path: 'first' }), paxEntry({ comment: 'x' }), { name: 'own' }]);
      expect(entries.map(({ name }) => name)).toEqual(['own']);
    });

    it('combines GNU and PAX, in whatever order they come', async () => {
      const long: TarEntry = { name: '././@LongLink', type: 'gnuLongName', content: 'gnu\0rest' };
      const pax = paxEntry({ path: 'pax', size: '3' });
      for (const before of [
        [long, pax],
        [pax, long],
      ]) {
        // prettier-ignore
        const [entry] = await read([...before, { name: 'own', content: 'abc', claimedSize: 0 }]);
        expect(entry).toMatchObject({ name: 'gnu', size: 3 });
      }
    });

    it('does not let a PAX size change the size of an extended header', async () => {
      const long: TarEntry = { name: '././@LongLink', type: 'gnuLongName', content: 'gnu\0' };
      const entries = await read([paxEntry({ size: '0' }), long, { name: 'own' }]);
      expect(entries.map(({ name }) => name)).toEqual(['gnu']);
    });

    it('goes by the length of a record, not by lines', async () => {
      const [entry] = await read([{ name: 'own', content: 'x', pax: { comment: 'a\n13 path=evil\n' } }]);
      expect(entry?.name).toBe('own');
    });

    it('reads past a global header with a comment, as git writes it', async () => {
      const entries = await read([paxEntry({ comment: 'c0ffee' }, 'globalPax'), { name: 'a' }]);
      expect(entries.map(({ name }) => name)).toEqual(['a']);
    });

    it.each(['path', 'linkpath', 'size', 'GNU.sparse.major'])('refuses a global header with a %s', async (keyword) => {
      const work = read([paxEntry({ [keyword]: '1' }, 'globalPax'), { name: 'a' }]);
      expect(await tarError(work)).toContain(`has a global PAX header with a ${keyword}`);
    });

    it.each(['pax', 'globalPax'] as const)('refuses a damaged one of type %s', async (type) => {
      const work = read([{ name: 'PaxHeaders/x', type, content: '99 path=x\n' }, { name: 'a' }]);
      expect(await tarError(work)).toContain('has a damaged PAX header (a record is not what its length says)');
    });

    it.each(['pax', 'globalPax', 'gnuLongName', 'gnuLongLink'] as const)(
      'refuses one of type %s with more than 1 MiB',
      async (type) => {
        const work = read([{ name: 'x', type, content: Buffer.alloc(1024 * 1024 + 1, 'x') }, { name: 'a' }]);
        expect(await tarError(work)).toContain('has an extended header of more than 1 MiB');
      },
    );

    it('refuses one that nothing follows', async () => {
      for (const end of [true, false]) {
        const message = await tarError(read([{ name: 'a' }, paxEntry({ path: 'x' })], { end }));
        expect(message).toContain('ends where an extended header calls for an entry at byte');
      }
    });

    it('takes a name of a thousand bytes in either form', async () => {
      const name = 'd/'.repeat(500) + 'x';
      for (const longNamesAs of ['pax', 'gnu'] as const) {
        expect(await read([{ name, longNamesAs }])).toMatchObject([{ name }]);
      }
    });
  });

  describe('of sparse files', () => {
    it('tells the old GNU form and PAX forms by name', async () => {
      const entries = await read([
        { name: 'old', type: 'gnuSparse', content: 'x' },
        { name: 'GNUSparseFile.0/new', content: 'x', pax: { 'GNU.sparse.major': '1', 'GNU.sparse.name': 'new' } },
        { name: 'file' },
      ]);
      expect(entries.map(({ name, kind }) => [name, kind])).toEqual([
        ['old', 'sparse'],
        ['new', 'sparse'],
        ['file', 'file'],
      ]);
    });

    function withMap(blocks: number): Buffer {
      const [header, rest] = [buildTar([{ name: 'old', type: 'gnuSparse', content: 'data' }], { end: false }), buildTar([{ name: 'next' }])]; // prettier-ignore
      header[482] = blocks > 0 ? 1 : 0;
      header.fill(' ', 148, 156);
      const sum = header.subarray(0, BLOCK).reduce((total, byte) => total + byte, 0);
      header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
      const map = Array.from({ length: blocks }, (_, i) => Buffer.alloc(BLOCK).fill(i < blocks - 1 ? 1 : 0, 504, 505));
      return Buffer.concat([header.subarray(0, BLOCK), ...map, header.subarray(BLOCK), rest]);
    }

    it.each([0, 1, 3])('finds the content behind %d blocks that continue the map', async (blocks) => {
      const entries = await readBytes(withMap(blocks));
      expect(entries).toMatchObject([
        { name: 'old', kind: 'sparse', position: (1 + blocks) * BLOCK, size: 4 },
        { name: 'next', kind: 'file' },
      ]);
    });

    it('refuses a map that is cut short, and does not go on for ever', async () => {
      const tar = withMap(3);
      expect(await tarError(readBytes(tar.subarray(0, 2 * BLOCK)))).toContain('is cut short inside old');
      expect(await tarError(readBytes(tar.subarray(0, 2 * BLOCK + 100)))).toContain('is cut short');
    });
  });

  describe('at the end', () => {
    const entries = [{ name: 'a', content: 'x' }];

    it('does without the blocks of zeros, if everything is there', async () => {
      expect(await read(entries, { end: false })).toHaveLength(1);
      const tar = buildTar(entries);
      expect(await readBytes(tar.subarray(0, tar.length - BLOCK))).toHaveLength(1);
    });

    it('does without the padding of the last content', async () => {
      const tar = buildTar(entries, { end: false });
      expect(await readBytes(tar.subarray(0, BLOCK + 1))).toHaveLength(1);
    });

    it('does not look at what follows two blocks of zeros', async () => {
      const tar = Buffer.concat([buildTar(entries), buildTar([{ name: 'hidden' }]), Buffer.alloc(100, 'x')]);
      expect(await readBytes(tar)).toHaveLength(1);
    });

    it('refuses what follows a single block of zeros, where readers disagree', async () => {
      const tar = Buffer.concat([
        buildTar(entries, { end: false }),
        Buffer.alloc(BLOCK),
        buildTar([{ name: 'manifest.json' }]),
      ]);
      expect(await tarError(readBytes(tar))).toContain('goes on after a block of zeros at byte 2048, after a');
    });

    it.each([1, 100, 511])('refuses %d bytes of a header', async (rest) => {
      const tar = buildTar([...entries, { name: 'b' }]);
      expect(await tarError(readBytes(tar.subarray(0, 2 * BLOCK + rest)))).toContain(
        'is cut short at byte 1024, after a',
      );
    });

    it.each([0, 1, 511, 512, 1000])('refuses a content of which %d bytes are there, by name', async (there) => {
      const tar = buildTar([{ name: 'first' }, { name: 'dir/layer.tar', content: Buffer.alloc(1001, 'x') }]);
      const message = await tarError(readBytes(tar.subarray(0, 2 * BLOCK + there)));
      expect(message).toContain('the archive in memory is cut short inside dir/layer.tar');
    });

    it('lets the source check what follows', async () => {
      const failing = Object.assign(new BufferSource(buildTar(entries)), {
        checkEnd: () => Promise.reject(new TarReadError('the checksum behind it is wrong')),
      });
      expect(await tarError(readAll(failing))).toBe('the checksum behind it is wrong');
    });
  });

  describe('of what is no tar', () => {
    it('says that nothing is there', async () => {
      expect(await tarError(readBytes(Buffer.alloc(0)))).toMatch(
        /^the archive in memory is empty\. Give what docker save wrote/,
      );
    });

    it('finds no entries among zeros only', async () => {
      expect(await readBytes(Buffer.alloc(BLOCK))).toEqual([]);
      expect(await readBytes(Buffer.alloc(20 * BLOCK))).toEqual([]);
    });

    it.each([
      ['one byte', Buffer.from('x')],
      ['some zeros', Buffer.alloc(100)],
      ['text', Buffer.from('not a tar\n'.repeat(200))],
      ['HTML', Buffer.from(`<!doctype html>\n<html>${'<p>404</p>'.repeat(200)}`)],
      ['JSON', Buffer.from(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED' }], pad: ' '.repeat(1000) }))],
      ['an ELF program', Buffer.concat([Buffer.from('\x7fELF\x02\x01\x01', 'latin1'), Buffer.alloc(4096, 7)])],
      ['a zip', Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), Buffer.alloc(4096, 9)])],
      ['a PNG', Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(4096, 0x89)])],
      ['bytes that are all 255', Buffer.alloc(2048, 255)],
    ])('says so of %s', async (_, bytes) => {
      expect(await tarError(readBytes(bytes))).toMatch(
        /^the archive in memory is not a tar\. Give what docker save wrote/,
      );
    });

    it('says that the first header is damaged where it is the header of a tar', async () => {
      const message = await tarError(read([{ name: 'first', wrongChecksum: true }]));
      expect(message).toContain('has a damaged header of first (its checksum is wrong)');
    });

    it('says which later header is damaged, and where', async () => {
      const message = await tarError(read([{ name: 'a\u001b[31m' }, { name: 'evil\u0007', wrongChecksum: true }]));
      expect(message).toContain('has a damaged header of evil\\u0007 (its checksum is wrong) at byte 1024');
      expect(message).toContain('after a\\u001b[31m');
    });
  });

  describe('of sizes no file can have', () => {
    it.each<[string, Partial<TarEntry>]>([
      ['negative', { claimedSize: -1 }],
      ['negative, in base 256', { claimedSize: -512, sizeAs: 'base256' }],
      ['the largest that can be counted', { claimedSize: Number.MAX_SAFE_INTEGER, sizeAs: 'base256' }],
      ['beyond what can be counted', { claimedSize: 2 ** 70, sizeAs: 'base256' }],
      ['negative in PAX', { pax: { size: '-1' } }],
      ['not a number in PAX', { pax: { size: 'ten' } }],
      ['hexadecimal in PAX', { pax: { size: '0x200' } }],
      ['beyond what can be counted in PAX', { pax: { size: '99999999999999999999' } }],
      ['the largest that can be counted in PAX', { pax: { size: String(Number.MAX_SAFE_INTEGER) } }],
    ])('refuses one that is %s, by name', async (_, field) => {
      const message = await tarError(read([{ name: 'first' }, { name: 'dir/layer.tar', content: 'x', ...field }]));
      expect(message).toMatch(/has (no valid size for|a damaged header of) dir\/layer\.tar/);
    });

    it('refuses one that is merely more than the file has', async () => {
      const message = await tarError(read([{ name: 'layer.tar', content: 'x', claimedSize: 2 ** 40 }]));
      expect(message).toContain('is cut short inside layer.tar');
    });

    it('refuses one of an extended header', async () => {
      const message = await tarError(read([{ name: 'x', type: 'pax', claimedSize: -5 }, { name: 'a' }]));
      expect(message).toContain('has no valid size for an extended header of type x');
    });
  });

  describe('where going back is costly', () => {
    it('keeps JSON whole and the start of everything else, and never goes back', async () => {
      const json = JSON.stringify({ pad: 'x'.repeat(10_000) });
      const source = onwards(
        buildTar([
          { name: 'layer', content: Buffer.alloc(100_000, 'y') },
          { name: 'tiny', content: 'z' },
          { name: 'ten', content: '0123456789' },
          { name: 'config.json', content: json },
          { name: 'list', content: ' \n[]' },
          { name: 'empty' },
          { name: 'link', linkTo: 'list' },
        ]),
      );
      const entries = await readAll(source);
      expect(entries.map(({ name, head }) => [name, head?.toString()])).toEqual([
        ['layer', 'yyyyyyyyyy'],
        ['tiny', 'z'],
        ['ten', '0123456789'],
        ['config.json', json],
        ['list', ' \n[]'],
        ['empty', undefined],
        ['link', undefined],
      ]);
    });

    it('keeps no more than 4 MiB of one file and 32 MiB of all', async () => {
      const file = (name: string, mebibytes: number): TarEntry => ({
        name,
        content: Buffer.alloc(mebibytes * 1024 * 1024, '['),
      });
      const many = Array.from({ length: 9 }, (_, i) => file(`json-${i}`, 4));
      const source = onwards(buildTar([file('big', 5), ...many]));
      const [big, ...others] = await readAll(source);
      expect(big?.head).toHaveLength(10);
      const kept = others.map(({ head }) => head?.length ?? 0);
      expect(kept.filter((length) => length > 10)).toHaveLength(7);
      expect(kept.reduce((sum, length) => sum + length)).toBeLessThanOrEqual(32 * 1024 * 1024);
    });

    it('keeps where going back is free what was read along with the header', async () => {
      const long = '0123456789abc';
      const entries = await read([
        { name: 'short', content: '{}' },
        { name: 'empty' },
        { name: `${'long/'.repeat(60)}name`, content: long },
        { name: 'link', linkTo: 'short' },
      ]);
      expect(entries.map(({ head }) => head?.toString())).toEqual(['{}', undefined, '0123456789', undefined]);
    });

    it.each([0, 1, 5, 11, 99])('refuses a content of which %d bytes are there', async (there) => {
      const tar = buildTar([{ name: 'config.json', content: `{${' '.repeat(99)}` }]);
      const source = onwards(tar.subarray(0, BLOCK + there));
      expect(await tarError(readAll(source))).toContain('is cut short inside config.json');
    });
  });

  describe('whatever the bytes are', () => {
    /** Everything that is not a complete tar is a `TarReadError`, and every entry lies inside. */
    async function survives(bytes: Buffer): Promise<void> {
      try {
        for (const { position, size } of await readBytes(bytes)) {
          expect(position + size).toBeLessThanOrEqual(bytes.length);
        }
      } catch (error) {
        expect(error).toBeInstanceOf(TarReadError);
      }
    }

    const valid = buildTar([
      { name: 'dir/' },
      { name: 'long/'.repeat(40), content: 'x' },
      { name: 'gnu/'.repeat(40) + 'x', content: 'y', longNamesAs: 'gnu' },
      { name: 'link', linkTo: 'dir/x' },
      { name: 'big', content: Buffer.alloc(2000, 'z'), sizeAs: 'base256' },
      { name: 'sparse', type: 'gnuSparse', content: 'x' },
    ]);

    it('random bytes', async () => {
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), (bytes) => survives(Buffer.from(bytes))),
        {
          seed: 1,
          numRuns: 300,
        },
      );
    });

    it('a tar with bytes changed and checksums made right again', async () => {
      const changes = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
      await fc.assert(
        fc.asyncProperty(changes, fc.boolean(), async (list, repair) => {
          const bytes = Buffer.from(valid);
          for (const [at, value] of list) bytes[at] = value;
          if (repair) repairChecksums(bytes, list);
          await survives(bytes);
        }),
        { seed: 2, numRuns: 600 },
      );
    });

    it('headers with random fields and a right checksum', async () => {
      const field = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
      const sizes = fc.oneof(
        field(12),
        fc.nat(5000).map((size) => Buffer.from(`${size.toString(8).padStart(11, '0')}\0`)),
      );
      const flags = fc.oneof(fc.constantFrom(...Object.values(TYPE_FLAG)), fc.string({ minLength: 1, maxLength: 1 }));
      const header = fc.tuple(fc.string({ maxLength: 99 }), sizes, flags, fc.string({ maxLength: 90 }), fc.boolean());
      await fc.assert(
        fc.asyncProperty(fc.array(header, { minLength: 1, maxLength: 5 }), async (headers) => {
          const blocks = headers.map(([name, size, flag, link, isUstar]) => {
            const block = buildTar([{ name: 'x' }], { end: false });
            block.fill(0, 0, 100).write(name, 0, 100);
            block.set(size, 124);
            block.write(flag, 156, 1, 'latin1');
            block.write(link, 157, 100);
            if (!isUstar) block.fill(0, 257, 265);
            repairChecksums(block, [[0, 0]]);
            return block;
          });
          await survives(Buffer.concat([...blocks, Buffer.alloc(2048)]));
        }),
        { seed: 3, numRuns: 600 },
      );
    });
  });
});

/** Of every header block that holds a changed byte. */
function repairChecksums(bytes: Buffer, changes: readonly (readonly [number, number])[]): void {
  for (const [at] of changes) {
    const block = bytes.subarray(at - (at % BLOCK), at - (at % BLOCK) + BLOCK);
    if (block.toString('latin1', 257, 262) !== 'ustar' && at !== 0) continue;
    block.fill(' ', 148, 156);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  }
}
