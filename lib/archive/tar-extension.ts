import { decimal, type PaxRecords } from './pax-records.js';
import type { TarHeader } from './tar-header.js';

/** What extension headers said about the entry that follows them. */
export interface TarExtension {
  pax?: PaxRecords;
  /** GNU's long name and long link name, which win over PAX, as in Go's archive/tar. */
  path?: string;
  linkpath?: string;
}

/** The header of an entry as the extension headers before it change it. */
export function extendHeader(header: TarHeader, extension: TarExtension = {}): TarHeader {
  const { pax = new Map<string, string>() } = extension;
  const path = extension.path ?? pax.get('GNU.sparse.name') ?? pax.get('path') ?? header.path;
  const linkpath = extension.linkpath ?? pax.get('linkpath') ?? header.linkpath;
  const size = pax.has('size') ? decimal(pax.get('size') ?? '') : header.size;
  return { ...header, path, linkpath, size, kind: kindOf(header, path, pax) };
}

/** The keyword of a global header that would rename or resize every entry after it: GNU tar obeys it, Go's archive/tar does not. */
export function dangerousForAll(pax: PaxRecords): string | undefined {
  return [...pax.keys()].find((keyword) => /^(path|linkpath|size|GNU\.sparse\..*)$/.test(keyword));
}

function kindOf({ kind }: TarHeader, path: string, pax: PaxRecords): TarHeader['kind'] {
  if ([...pax.keys()].some((keyword) => keyword.startsWith('GNU.sparse.'))) return 'sparse';
  // Before POSIX a directory was a file with a slash behind its name.
  return kind === 'file' && path.endsWith('/') ? 'directory' : kind;
}
