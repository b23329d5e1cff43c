import { posix } from 'node:path';

export type TarEntryKind = 'file' | 'hardlink' | 'symlink' | 'directory' | 'sparse' | 'other';

/** Where one entry's content lies in its tar. */
export interface TarEntry {
  /** Normalised: no `./` in front, no `/` behind. */
  name: string;
  kind: TarEntryKind;
  /** Of the first content byte. */
  position: number;
  /** Bytes of content. */
  size: number;
  /** Of links: as written. */
  linkpath?: string;
  /** What was read along with the header: enough to tell a packing; where going back would cost a pass, all of a JSON file. */
  head?: Buffer;
}

/** `./blobs/sha256/` → `blobs/sha256`. A name that climbs out keeps its `..` in front. */
export function normalizeName(name: string): string {
  const normal = posix.normalize(name);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

/** Absolute names, and names that climb out of the archive, are never looked up: an archive has no outside. */
export function leavesArchive(name: string): boolean {
  const normal = normalizeName(name);
  return normal === '.' || normal === '..' || normal.startsWith('../') || normal.startsWith('/');
}
