import { describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Header } from 'tar';
import { digestOfContent, gzip, noise, text, toBuffer } from './content.js';
import { readWithNodeTar } from './node-tar-reader.js';
import { buildTar, paxEntry, tarContent, type TarEntry, writeTar } from './tar-builder.js';

/** What node-tar finds, with the content as text. */
async function read(tar: Buffer) {
  const entries = await readWithNodeTar(tar);
  return entries.map((entry) => ({ ...entry, content: entry.content.toString() }));
}

async function readOne(entry: TarEntry) {
  const [only, ...others] = await read(buildTar([entry]));
  expect(others).toEqual([]);
  return only;
}

describe('buildTar', () => {
  const LONG = `${'folder/'.repeat(30)}file`;

  it('writes files, folders, links and empty files in their order', async () => {
    const tar = buildTar([
      { name: 'folder/' },
      { name: 'folder/a', content: 'one' },
      { name: 'link', linkTo: 'folder/a' },
      { name: 'hard', type: 'hardlink', linkTo: 'folder/a' },
      { name: 'empty' },
    ]);
    expect(await read(tar)).toMatchObject([
      { path: 'folder/', type: 'Directory' },
      { path: 'folder/a', type: 'File', content: 'one' },
      { path: 'link', type: 'SymbolicLink', linkpath: 'folder/a' },
      { path: 'hard', type: 'Link', linkpath: 'folder/a' },
      { path: 'empty', type: 'File', size: 0 },
    ]);
  });

  it.each(['pax', 'gnu'] as const)(
    'writes long and other than ASCII names and links the %s way',
    async (longNamesAs) => {
      expect(await readOne({ name: LONG, content: 'x', longNamesAs })).toMatchObject({
        path: LONG,
        content: 'x',
      });
      expect(await readOne({ name: '한글/é', content: 'x', longNamesAs })).toMatchObject({ path: '한글/é' });
      expect(await readOne({ name: 'l', linkTo: LONG, longNamesAs })).toMatchObject({ path: 'l', linkpath: LONG });
    },
  );

  it('splits a long name between the two fields of ustar', async () => {
    expect(await readOne({ name: LONG, content: 'x', longNamesAs: 'ustar' })).toMatchObject({ path: LONG });
    expect(buildTar([{ name: LONG, content: 'x', longNamesAs: 'ustar' }]).length).toBe(4 * 512);
  });

  it.each(['octal', 'base256', 'pax'] as const)('writes sizes as %s', async (sizeAs) => {
    expect(await readOne({ name: 'a', content: 'twelve bytes', sizeAs })).toMatchObject({ content: 'twelve bytes' });
  });

  it('claims any size it is told to, beyond 8 GiB and below nothing too', () => {
    for (const claimedSize of [9 * 1024 ** 3, -1, -512]) {
      const tar = buildTar([{ name: 'a', claimedSize }]);
      expect(tar.length).toBe(3 * 512);
      expect(tar.readBigInt64BE(124 + 4)).toBe(BigInt(claimedSize));
      expect(tar[124]! & 0x80).toBe(0x80);
    }
  });

  it.each(['oldFile', 'contiguous'] as const)('writes a file of type %s', async (type) => {
    expect(await readOne({ name: 'a', type, content: 'x' })).toMatchObject({ content: 'x' });
  });

  it('marks sparse files the way GNU tar does, old and new', () => {
    const old = buildTar([{ name: 'a', type: 'gnuSparse', content: 'x' }]);
    expect(new Header(old, 0).type).toBe('SparseFile' satisfies string);
    const pax = buildTar([{ name: 'a', content: 'x', pax: { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0' } }]);
    expect(pax.toString('latin1')).toContain('22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n');
  });

  it('writes records for one entry and for all that follow', async () => {
    const tar = buildTar([
      paxEntry({ comment: 'for all', uname: 'root' }, 'globalPax'),
      { name: 'a', content: 'x', pax: { path: 'renamed' } },
      { name: 'b', content: 'y' },
    ]);
    expect(await read(tar)).toMatchObject([{ path: 'renamed' }, { path: 'b' }]);
  });

  it('counts the digits of a record that its own length makes longer', () => {
    const record = (length: number) => buildTar([paxEntry({ k: 'v'.repeat(length) })]).toString('latin1', 512);
    expect(record(93)).toMatch(/^99 k=v+\n/);
    expect(record(94)).toMatch(/^101 k=v+\n/);
  });

  it('gives a wrong checksum, and leaves the end away, when told to', async () => {
    const tar = buildTar([{ name: 'a', content: 'x', wrongChecksum: true }]);
    expect(new Header(tar, 0).cksumValid).toBe(false);
    expect(new Header(buildTar([{ name: 'a', content: 'x' }]), 0).cksumValid).toBe(true);
    expect(buildTar([{ name: 'a', content: 'x' }], { end: false }).length).toBe(2 * 512);
    await expect(read(tar)).rejects.toThrow('checksum');
  });

  it('keeps two entries of one name', async () => {
    const twice = buildTar([
      { name: 'a', content: '1' },
      { name: 'a', content: '2' },
    ]);
    expect((await read(twice)).map((entry) => entry.content)).toEqual(['1', '2']);
  });
});

describe('writeTar', () => {
  it('writes the same bytes to a file, large content included, and says how many', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tar-builder-'));
    try {
      const entries = [{ name: 'layer.tar', content: tarContent([{ name: 'big', content: noise(2_500_000) }]) }];
      const size = await writeTar(join(folder, 'a.tar'), entries);
      const written = await readFile(join(folder, 'a.tar'));
      expect(written.length).toBe(size);
      expect(written.equals(buildTar(entries))).toBe(true);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('content', () => {
  const SIZE = 3 * 1024 * 1024 + 5;

  it.each([
    ['noise', noise],
    ['text', text],
  ])('of %s is the same for the same seed, and of the size asked for', (_, make) => {
    const content = make(SIZE, 'seed');
    expect(toBuffer(content).length).toBe(SIZE);
    expect(digestOfContent(content)).toBe(digestOfContent(make(SIZE, 'seed')));
    expect(digestOfContent(content)).not.toBe(digestOfContent(make(SIZE, 'other')));
    expect(toBuffer(make(0))).toEqual(Buffer.alloc(0));
  });

  it('does not compress when it is noise, and does when it is text', () => {
    expect(gzip(noise(SIZE)).size).toBeGreaterThan(SIZE);
    expect(gzip(text(SIZE)).size).toBeLessThan(SIZE / 3);
  });

  it.each([5, SIZE])('of %d bytes is the same after gunzip', (size) => {
    const packed = gzip(text(size));
    expect(toBuffer(packed).length).toBe(packed.size);
    expect(gunzipSync(toBuffer(packed)).equals(toBuffer(text(size)))).toBe(true);
  });
});
