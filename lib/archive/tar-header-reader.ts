import { SNIFF_LENGTH } from '../compression/sniff.js';
import { TarReadError } from '../errors.js';
import { printable } from '../redact.js';
import type { ArchiveSource } from './archive-source.js';
import { cutShort } from './content-range.js';
import { parsePaxRecords, type PaxRecords } from './pax-records.js';
import { normalizeName, type TarEntry } from './tar-entry.js';
import { dangerousForAll, extendHeader, type TarExtension } from './tar-extension.js';
import { BLOCK, decodeHeader, nameInDamaged, type TarHeader } from './tar-header.js';

/** A PAX header or a GNU long name larger than this is an attack, not a name; Go's archive/tar has the same limit. */
const MAX_EXTENSION = 1024 * 1024;
/** Bytes of one file, and of all together, that are kept where going back is costly. */
const MAX_HEAD = 4 * 1024 * 1024;
const MAX_HEADS = 32 * 1024 * 1024;
/** Of a block that continues the map of an old GNU sparse file: whether another one follows. */
const SPARSE_MAP_CONTINUES = 504;

/**
 * Walks the headers of a tar and skips the contents by their sizes: cost grows with the entries, not with the bytes.
 * Reads V7, ustar, PAX and GNU headers.
 */
export class TarHeaderReader {
  private position = 0;
  private extension: TarExtension | undefined;
  private last = 'the start';
  private headsLeft = MAX_HEADS;
  /** The first bytes behind the block read last, where it costs nothing to read them with it. */
  private behind: Buffer = Buffer.alloc(0);

  constructor(private readonly source: Omit<ArchiveSource, 'open' | 'close'>) {}

  /** @throws TarReadError on anything that is not a complete, undamaged tar. */
  async *entries(): AsyncGenerator<TarEntry> {
    for (let header = await this.nextHeader(); header; header = await this.nextHeader()) {
      if (await this.extends(header)) continue;
      const entry = await this.readEntry(extendHeader(header, this.extension));
      this.position = entry.position + padded(entry.size);
      this.extension = undefined;
      this.last = entry.name;
      yield entry;
      // Only now, because a stream cannot go back to what this reads past.
      await this.assertComplete(entry);
    }
    await this.source.checkEnd();
  }

  /** The next header, or `undefined` at the end: two blocks of zeros, or simply no more bytes. */
  private async nextHeader(): Promise<TarHeader | undefined> {
    const block = await this.nextBlock();
    const header = block && this.decode(block);
    if (header) return header;
    if (this.extension) throw this.damaged('ends where an extended header calls for an entry');
    const second = block && (await this.nextBlock());
    // Some readers stop here and some go on, so that two of them could see two archives.
    if (second?.some((byte) => byte !== 0)) throw this.damaged('goes on after a block of zeros');
    return undefined;
  }

  /** `undefined` at the end. */
  private async nextBlock(): Promise<Buffer | undefined> {
    const bytes = await this.source.read(this.position, BLOCK + (this.source.randomAccess ? SNIFF_LENGTH : 0));
    const block = bytes.subarray(0, BLOCK);
    this.behind = bytes.subarray(BLOCK);
    if (block.length === 0 && this.position > 0) return undefined;
    if (block.length === 0) throw this.damaged('is empty');
    if (block.length < BLOCK) throw this.damaged(this.position === 0 ? 'is not a tar' : 'is cut short');
    this.position += BLOCK;
    return block;
  }

  private decode(block: Buffer): TarHeader | undefined {
    try {
      return decodeHeader(block);
    } catch (cause) {
      const name = nameInDamaged(block);
      if (name === undefined && this.position === BLOCK) throw this.damaged('is not a tar', cause);
      const reason = (cause as Error).message;
      throw this.damaged(`has a damaged header${name ? ` of ${printable(name)}` : ''} (${reason})`, cause);
    }
  }

  /** Keeps what an extension header says; false when `header` is that of an ordinary entry. */
  private async extends(header: TarHeader): Promise<boolean> {
    switch (header.flag) {
      case 'x':
        this.extension = { ...this.extension, pax: await this.readPax(header) };
        return true;
      case 'g':
        this.assertHarmless(await this.readPax(header));
        return true;
      case 'L':
        this.extension = { ...this.extension, path: await this.readName(header) };
        return true;
      case 'K':
        this.extension = { ...this.extension, linkpath: await this.readName(header) };
        return true;
      default:
        return false;
    }
  }

  private async readPax(header: TarHeader): Promise<PaxRecords> {
    const bytes = await this.readExtension(header);
    try {
      return parsePaxRecords(bytes);
    } catch (cause) {
      throw this.damaged(`has a damaged PAX header (${(cause as Error).message})`, cause);
    }
  }

  private assertHarmless(global: PaxRecords): void {
    const keyword = dangerousForAll(global);
    if (keyword !== undefined) throw this.damaged(`has a global PAX header with a ${printable(keyword, 50)}`);
  }

  private async readName(header: TarHeader): Promise<string> {
    const bytes = await this.readExtension(header);
    const nul = bytes.indexOf(0);
    return bytes.toString('utf8', 0, nul < 0 ? bytes.length : nul);
  }

  private async readExtension({ size, flag }: TarHeader): Promise<Buffer> {
    const length = this.checkedSize(size, `an extended header of type ${flag}`);
    if (length > MAX_EXTENSION) throw this.damaged('has an extended header of more than 1 MiB');
    const bytes = await this.source.read(this.position, length);
    if (bytes.length < length) throw this.damaged('is cut short inside an extended header');
    this.position += padded(length);
    return bytes;
  }

  private async readEntry(header: TarHeader): Promise<TarEntry> {
    const { kind, path, linkpath, hasContent } = header;
    const name = normalizeName(path);
    if (header.sparseMapContinues) await this.skipSparseMap(name);
    const size = hasContent ? this.checkedSize(header.size, name) : 0;
    const entry = { name, kind, position: this.position, size };
    if (kind === 'symlink' || kind === 'hardlink') return { ...entry, linkpath };
    const head = await this.readHead(entry);
    return head ? { ...entry, head } : entry;
  }

  /** What of the map does not fit into the header stands in blocks that no size counts. Source: GNU tar, "Old GNU Format". */
  private async skipSparseMap(name: string): Promise<void> {
    for (let continues = true; continues;) {
      const block = await this.nextBlock();
      if (!block) throw cutShort(this.source.name, name);
      continues = block[SPARSE_MAP_CONTINUES] !== 0;
    }
  }

  private checkedSize(size: number | undefined, name: string): number {
    if (size !== undefined && Number.isSafeInteger(this.position + padded(size))) return size;
    throw this.damaged(`has no valid size for ${printable(name, 300)}`);
  }

  /** Going back costs a packed tar a whole pass, and any other a call to the system, so what is sure to be asked for is kept. */
  private async readHead({ position, size }: TarEntry): Promise<Buffer | undefined> {
    if (size === 0) return undefined;
    // A copy: a part would keep the whole of what was read in memory, once for every entry.
    if (this.source.randomAccess) return Buffer.from(this.behind.subarray(0, size));
    const start = await this.source.read(position, Math.min(size, SNIFF_LENGTH));
    const isKept = /^\s*[[{]/.test(start.toString('latin1')) && size <= Math.min(MAX_HEAD, this.headsLeft);
    const rest = isKept ? [await this.source.read(position + start.length, size - start.length)] : [];
    const head = Buffer.concat([start, ...rest]);
    this.headsLeft -= head.length;
    return head;
  }

  private async assertComplete({ name, position, size }: TarEntry): Promise<void> {
    if (size > 0 && !(await this.source.reaches(position + size))) throw cutShort(this.source.name, name);
  }

  private damaged(what: string, cause?: unknown): TarReadError {
    const place = this.position <= BLOCK ? '' : ` at byte ${this.position}, after ${printable(this.last, 300)}`;
    return new TarReadError(`${this.source.name} ${what}${place}`, {
      cause,
      hint: 'Give what docker save wrote, complete and unchanged.',
    });
  }
}

function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}
