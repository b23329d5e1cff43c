import { describe, expect, it } from '@jest/globals';
import { dangerousForAll, extendHeader } from '../../lib/archive/tar-extension.js';
import type { TarHeader } from '../../lib/archive/tar-header.js';

const HEADER: TarHeader = {
  flag: '0',
  kind: 'file',
  path: 'short',
  linkpath: 'target',
  size: 7,
  hasContent: true,
  sparseMapContinues: false,
};

function pax(records: Record<string, string>) {
  return { pax: new Map(Object.entries(records)) };
}

describe('extendHeader', () => {
  it('leaves a header alone that nothing extends', () => {
    expect(extendHeader(HEADER)).toEqual(HEADER);
    expect(extendHeader(HEADER, pax({ comment: 'x', mtime: '1.5' }))).toEqual(HEADER);
  });

  it('takes path, linkpath and size from PAX', () => {
    const extended = extendHeader(HEADER, pax({ path: 'p', linkpath: 'l', size: '9663676416' }));
    expect(extended).toEqual({ ...HEADER, path: 'p', linkpath: 'l', size: 9_663_676_416 });
  });

  it('takes path and linkpath from GNU, before PAX', () => {
    const extended = extendHeader(HEADER, { path: 'gnu', linkpath: 'gnu-link', ...pax({ path: 'p', linkpath: 'l' }) });
    expect(extended).toMatchObject({ path: 'gnu', linkpath: 'gnu-link' });
  });

  it.each(['-1', '1e3', ' 7', '0x7', '7.0', '99999999999999999999'])('has no size where PAX says %j', (size) => {
    expect(extendHeader(HEADER, pax({ size })).size).toBeUndefined();
  });

  it('takes a file with a slash behind its name for a directory, and keeps its content', () => {
    expect(extendHeader({ ...HEADER, path: 'dir/' })).toMatchObject({ kind: 'directory', hasContent: true, size: 7 });
    expect(extendHeader(HEADER, { path: 'dir/' }).kind).toBe('directory');
    expect(extendHeader({ ...HEADER, kind: 'symlink', path: 'dir/' }).kind).toBe('symlink');
  });

  it.each(['GNU.sparse.major', 'GNU.sparse.map', 'GNU.sparse.size', 'GNU.sparse.realsize'])(
    'takes an entry with %s for a sparse file',
    (keyword) => {
      expect(extendHeader(HEADER, pax({ [keyword]: '1' })).kind).toBe('sparse');
    },
  );

  it('knows a sparse file under its real name', () => {
    const records = { 'GNU.sparse.name': 'layer.tar', path: 'GNUSparseFile.0/layer.tar' };
    expect(extendHeader(HEADER, pax(records))).toMatchObject({ kind: 'sparse', path: 'layer.tar' });
  });
});

describe('dangerousForAll', () => {
  it.each(['path', 'linkpath', 'size', 'GNU.sparse.major'])('names %s', (keyword) => {
    expect(dangerousForAll(pax({ comment: 'x', [keyword]: '1' }).pax)).toBe(keyword);
  });

  it('has nothing against comments and times', () => {
    expect(dangerousForAll(pax({ comment: 'c0ffee', mtime: '1', pathology: 'x', 'SCHILY.xattr.size': '1' }).pax)).toBe(
      undefined,
    );
  });
});
