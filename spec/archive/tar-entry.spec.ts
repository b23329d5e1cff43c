import { describe, expect, it } from '@jest/globals';
import { leavesArchive, normalizeName } from '../../lib/archive/tar-entry.js';

describe('normalizeName', () => {
  it.each([
    ['manifest.json', 'manifest.json'],
    ['./manifest.json', 'manifest.json'],
    ['././a/./b', 'a/b'],
    ['blobs/sha256/', 'blobs/sha256'],
    ['a//b', 'a/b'],
    ['a/../b', 'b'],
    ['a/b/../../../c', '../c'],
    ['/etc/passwd', '/etc/passwd'],
    ['//etc', '/etc'],
    ['/', '/'],
    ['', '.'],
    ['./', '.'],
    ['sha256:abc', 'sha256:abc'],
    ['..data/file', '..data/file'],
  ])('makes %j %j', (name, normal) => {
    expect(normalizeName(name)).toBe(normal);
  });
});

describe('leavesArchive', () => {
  it.each(['/etc/passwd', '//etc', '/', '..', '../x', 'a/../..', 'a/../../x', './../x', '', '.', './'])(
    'is true of %j',
    (name) => {
      expect(leavesArchive(name)).toBe(true);
    },
  );

  it.each(['a', './a', 'a/../b', '..a', '...', 'a..b/c', '.hidden', 'C:\\x', 'a/..b'])('is false of %j', (name) => {
    expect(leavesArchive(name)).toBe(false);
  });
});
