import { posix } from 'node:path';
import { Digester } from '../oci/digest.js';
import { TarReadError, ValidationError } from '../errors.js';
import { printable } from '../redact.js';
import type { ArchiveSource } from './archive-source.js';
import { leavesArchive, normalizeName, type TarEntry } from './tar-entry.js';
import { TarHeaderReader } from './tar-header-reader.js';

const MAX_ENTRIES = 1_000_000;
const MAX_LINKS = 40;

/**
 * Where everything in a tar lies. Links are followed inside this index only: an archive has no outside, so a target that
 * climbs out of it is simply not there.
 */
export class TarIndex {
  private constructor(
    readonly source: ArchiveSource,
    private readonly byName: ReadonlyMap<string, readonly TarEntry[]>,
  ) {}

  /** Reads headers only. @throws TarReadError when the source is not a complete tar. */
  static async read(source: ArchiveSource): Promise<TarIndex> {
    const byName = new Map<string, TarEntry[]>();
    let count = 0;
    for await (const entry of new TarHeaderReader(source).entries()) {
      if (++count > MAX_ENTRIES) throw new TarReadError(`${source.name} has more than ${MAX_ENTRIES} entries`);
      const same = byName.get(entry.name);
      if (same) same.push(entry);
      else byName.set(entry.name, [entry]);
    }
    return new TarIndex(source, byName);
  }

  get names(): Iterable<string> {
    return this.byName.keys();
  }

  has(name: string): boolean {
    return this.byName.has(normalizeName(name));
  }

  /**
   * The file behind a name, links followed.
   * @throws ValidationError naming the entry when it is absent, outside, a cycle, not a file, or there twice with different content.
   */
  async resolve(name: string): Promise<TarEntry> {
    let current = name;
    for (let links = 0; links <= MAX_LINKS; links++) {
      const entry = await this.lookUp(current, name);
      if (entry.kind === 'file') return entry;
      if (entry.linkpath === undefined) throw invalid(name, `is ${describeKind(entry)}, not a file`);
      current = linkTarget(entry);
    }
    throw invalid(name, 'is a link that leads back to itself');
  }

  /** The whole content of a small file. @throws ValidationError when it is larger than `limit` bytes or does not resolve. */
  async readSmall(name: string, limit: number): Promise<Buffer> {
    const entry = await this.resolve(name);
    if (entry.size > limit) throw invalid(name, `has ${entry.size} bytes, more than the ${limit} allowed`);
    const bytes = await this.source.read(entry.position, entry.size);
    if (bytes.length < entry.size) throw new TarReadError(`${this.source.name} ended inside ${printable(name, 300)}`);
    return bytes;
  }

  private async lookUp(name: string, wanted: string): Promise<TarEntry> {
    const via = name === wanted ? '' : ` (through a link to ${printable(name, 300)})`;
    if (leavesArchive(name)) throw invalid(wanted, `leaves the archive${via}`);
    const [first, ...others] = this.byName.get(normalizeName(name)) ?? [];
    if (!first) throw invalid(wanted, `is not in the archive${via}`);
    for (const other of others) {
      // Readers disagree on which of two wins, so two different contents are two different images.
      if (!(await this.sameContent(first, other)))
        throw invalid(wanted, 'is in the archive twice, with different content');
    }
    return first;
  }

  private async sameContent(a: TarEntry, b: TarEntry): Promise<boolean> {
    if (a.kind !== b.kind || a.size !== b.size || a.linkpath !== b.linkpath) return false;
    return (await this.digest(a)) === (await this.digest(b));
  }

  private async digest(entry: TarEntry): Promise<string> {
    const digester = new Digester();
    for await (const chunk of this.source.open(entry.position, entry.size)) digester.update(chunk as Buffer);
    return digester.digest();
  }
}

function linkTarget(link: TarEntry): string {
  const target = link.linkpath ?? '';
  // A symbolic link is relative to its own directory, a hard link to the root of the archive.
  const isRelative = link.kind === 'symlink' && !target.startsWith('/');
  return isRelative ? posix.join(posix.dirname(link.name), target) : target;
}

function describeKind(entry: TarEntry): string {
  return entry.kind === 'other' ? 'a special file' : `a ${entry.kind}${entry.kind === 'sparse' ? ' file' : ''}`;
}

/** One problem with one entry. */
export function invalid(entry: string, message: string): ValidationError {
  const name = printable(entry, 300);
  return new ValidationError(`${name} ${message}`, [{ entry: name, message }]);
}
