import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { TarReadError } from '../errors.js';
import { Digester } from '../oci/digest.js';
import { printable } from '../redact.js';
import type { ArchiveSource } from './archive-source.js';
import { shortened } from './content-range.js';
import { absent, invalid } from './problems.js';
import { leavesArchive, normalizeName, type TarEntry } from './tar-entry.js';
import { TarHeaderReader } from './tar-header-reader.js';

/** Bytes of memory, roughly, that no archive may exceed with its entries; about a quarter of a million of the usual ones fit. */
const MAX_INDEX = 128 * 1024 * 1024;
const ENTRY_COST = 500;
const MAX_LINKS = 40;

/**
 * Where everything in a tar lies. Links are followed inside this index only: an archive has no outside, so a target that
 * climbs out of it is simply not there.
 */
export class TarIndex {
  private readonly resolved = new Map<string, Promise<TarEntry>>();
  /** Of entries that share their name with another one, by position. */
  private readonly digests = new Map<number, string>();

  private constructor(
    readonly source: ArchiveSource,
    private readonly byName: ReadonlyMap<string, readonly TarEntry[]>,
  ) {}

  /** Reads headers only. @throws TarReadError when the source is not a complete tar. */
  static read(source: ArchiveSource): Promise<TarIndex> {
    return TarIndex.of(source, new TarHeaderReader(source).entries());
  }

  /**
   * @param source - has the contents of `entries`
   * @throws TarReadError when there are too many entries; whatever `entries` fails with
   */
  static async of(source: ArchiveSource, entries: AsyncIterable<TarEntry>): Promise<TarIndex> {
    const byName = new Map<string, TarEntry[]>();
    let cost = 0;
    for await (const entry of entries) {
      cost += ENTRY_COST + entry.name.length + (entry.linkpath?.length ?? 0);
      if (cost > MAX_INDEX) throw new TarReadError(`${source.name} has more entries than fit into memory`);
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
  resolve(name: string): Promise<TarEntry> {
    const known = this.resolved.get(name);
    if (known) return known;
    const entry = this.follow(name);
    this.resolved.set(name, entry);
    return entry;
  }

  /** The whole content of a small file. @throws ValidationError when it is larger than `limit` bytes or does not resolve. */
  async readSmall(name: string, limit: number): Promise<Buffer> {
    const { position, size, head } = await this.resolve(name);
    if (size > limit) throw invalid(name, `has ${size} bytes, more than the ${limit} allowed`);
    const bytes = head?.length === size ? head : await this.source.read(position, size);
    if (bytes.length < size) throw shortened(this.source.name, name);
    return bytes;
  }

  /** The first bytes of a file, up to `length` of them. */
  async readStart({ position, size, head }: TarEntry, length: number): Promise<Buffer> {
    const wanted = Math.min(size, length);
    return head && head.length >= wanted ? head.subarray(0, wanted) : this.source.read(position, wanted);
  }

  /** The content of a file, from the start at every call. */
  open(entry: TarEntry): Readable {
    return this.source.open(entry);
  }

  private async follow(name: string): Promise<TarEntry> {
    let current = name;
    const visited = new Set<TarEntry>();
    while (visited.size <= MAX_LINKS) {
      const entry = await this.lookUp(current, name);
      if (entry.kind === 'file') return entry;
      if (entry.linkpath === undefined) throw invalid(name, `is ${describeKind(entry)}, not a file`);
      if (visited.has(entry)) throw invalid(name, 'is a link that leads back to itself');
      visited.add(entry);
      current = linkTarget(entry);
    }
    throw invalid(name, `leads through more than ${MAX_LINKS} links`);
  }

  private async lookUp(name: string, wanted: string): Promise<TarEntry> {
    const isLinked = name !== wanted;
    const via = isLinked ? ` (through a link to ${printable(name, 300)})` : '';
    if (leavesArchive(name)) throw invalid(wanted, `leaves the archive${via}`);
    const [first, ...others] = this.byName.get(normalizeName(name)) ?? [];
    if (!first) throw isLinked ? invalid(wanted, `is not in the archive${via}`) : absent(wanted);
    for (const other of others) {
      // Readers disagree on which of two wins, so two different contents are two different images.
      if (await this.sameContent(first, other)) continue;
      throw invalid(wanted, `is in the archive twice, with different content${via}`);
    }
    return first;
  }

  private async sameContent(a: TarEntry, b: TarEntry): Promise<boolean> {
    if (a.kind !== b.kind || a.size !== b.size || a.linkpath !== b.linkpath) return false;
    return (await this.digest(a)) === (await this.digest(b));
  }

  /** Each is read once: one entry may stand there a thousand times, and going back in a packed tar is a pass over all of it. */
  private async digest(entry: TarEntry): Promise<string> {
    const known = this.digests.get(entry.position);
    if (known !== undefined) return known;
    const digester = new Digester();
    for await (const chunk of this.open(entry)) digester.update(chunk as Buffer);
    const digest = digester.digest();
    this.digests.set(entry.position, digest);
    return digest;
  }
}

function linkTarget(link: TarEntry): string {
  const target = link.linkpath ?? '';
  // A symbolic link is relative to its own directory, a hard link to the root of the archive.
  const isRelative = link.kind === 'symlink' && !target.startsWith('/');
  return isRelative ? posix.join(posix.dirname(link.name), target) : target;
}

function describeKind({ kind }: TarEntry): string {
  if (kind === 'other') return 'a special file';
  return kind === 'sparse' ? 'a sparse file' : `a ${kind}`;
}
