import { Header, Pax, type HeaderData } from 'tar';
import { TarReadError } from '../errors.js';
import { printable } from '../redact.js';
import type { ArchiveSource } from './archive-source.js';
import { REMEMBERED } from './packed-source.js';
import { normalizeName, type TarEntry, type TarEntryKind } from './tar-entry.js';

const BLOCK = 512;
/** A PAX record or a GNU long name larger than this is an attack, not a name. */
const MAX_EXTENSION = 1024 * 1024;

const KINDS: Readonly<Record<string, TarEntryKind>> = {
  File: 'file',
  OldFile: 'file',
  ContiguousFile: 'file',
  Link: 'hardlink',
  SymbolicLink: 'symlink',
  Directory: 'directory',
  GNUDumpDir: 'other',
  SparseFile: 'sparse',
};

/** What extension headers said about the entry that follows them. */
interface Extension extends HeaderData {
  sparse?: boolean;
}

/**
 * Walks the headers of a tar and skips the contents by their sizes: cost grows with the entries, not with the bytes.
 * Reads ustar, PAX (also global), GNU long names and base-256 sizes, with the header classes of the `tar` package.
 */
export class TarHeaderReader {
  private position = 0;
  private extension: Extension | undefined;
  private global: HeaderData | undefined;
  private last = 'the start';

  constructor(private readonly source: ArchiveSource) {}

  /** @throws TarReadError on anything that is not a complete, undamaged tar. */
  async *entries(): AsyncGenerator<TarEntry> {
    for (;;) {
      const header = await this.nextHeader();
      if (!header) return;
      const entry = this.toEntry(header);
      const next = entry.position + paddedSize(entry.size);
      if (await this.extends(header, entry)) {
        this.position = next;
        continue;
      }
      await this.assertComplete(entry);
      this.position = next;
      this.extension = undefined;
      this.last = entry.name;
      yield entry;
    }
  }

  /** The next header, or `undefined` at the end: two zero blocks, or simply no more bytes. */
  private async nextHeader(): Promise<Header | undefined> {
    for (let zeroBlocks = 0; zeroBlocks < 2; zeroBlocks++) {
      const block = await this.source.read(this.position, BLOCK);
      if (block.length === 0 && this.position > 0) return undefined;
      if (block.length < BLOCK) throw this.damaged(this.position === 0 ? 'is not a tar' : 'is cut short');
      const header = this.decode(block);
      this.position += BLOCK;
      if (!header.nullBlock) return header;
    }
    return undefined;
  }

  private decode(block: Buffer): Header {
    let header: Header;
    try {
      header = new Header(block, 0, this.extension, this.global);
    } catch (cause) {
      throw this.damaged(`has a header that cannot be read (${(cause as Error).message})`, cause);
    }
    if (header.nullBlock || header.cksumValid) return header;
    throw this.damaged(this.position === 0 ? 'is not a tar' : 'has a damaged header');
  }

  private toEntry(header: Header): TarEntry {
    // The PAX values are taken from the record itself: `Header` lets the ustar prefix and link name override them.
    const name = normalizeName(this.extension?.path ?? header.path ?? '');
    const kind = this.extension?.sparse ? 'sparse' : (KINDS[header.type] ?? 'other');
    const size = isHeaderOnly(header.type) ? 0 : this.sizeOf(header, name);
    const entry: TarEntry = { name, kind, position: this.position, size };
    if (kind !== 'symlink' && kind !== 'hardlink') return entry;
    return { ...entry, linkpath: this.extension?.linkpath ?? header.linkpath ?? '' };
  }

  private sizeOf(header: Header, name: string): number {
    if (header.size !== undefined && Number.isSafeInteger(header.size) && header.size >= 0) return header.size;
    throw this.damaged(`has an entry ${printable(name, 200)} without a valid size`);
  }

  /** Keeps what an extension header says; false when `header` is an ordinary entry. */
  private async extends(header: Header, entry: TarEntry): Promise<boolean> {
    switch (header.type) {
      case 'ExtendedHeader':
        this.extension = this.parsePax(await this.extensionText(entry), this.extension, false);
        return true;
      case 'GlobalExtendedHeader':
        this.global = this.parsePax(await this.extensionText(entry), this.global, true);
        return true;
      case 'NextFileHasLongPath':
      case 'OldGnuLongPath':
        this.extension = { ...this.extension, path: untilNul(await this.extensionText(entry)) };
        return true;
      case 'NextFileHasLongLinkpath':
        this.extension = { ...this.extension, linkpath: untilNul(await this.extensionText(entry)) };
        return true;
      default:
        return false;
    }
  }

  private async extensionText(entry: TarEntry): Promise<string> {
    if (entry.size > MAX_EXTENSION) throw this.damaged('has an extension header larger than 1 MiB');
    const bytes = await this.source.read(entry.position, entry.size);
    if (bytes.length < entry.size) throw this.damaged('is cut short inside an extension header');
    return bytes.toString('utf8');
  }

  private parsePax(text: string, before: Extension | undefined, global: boolean): Extension {
    if (/^\d+ size=(?!\d+$)/m.test(text)) throw this.damaged('has a PAX header with a size that is not a number');
    // Old GNU sparse files carry their data in a form of its own; `Pax` drops these keys, and the size would be wrong.
    const sparse = /^\d+ GNU\.sparse\./m.test(text) ? { sparse: true } : {};
    const real = /^\d+ GNU\.sparse\.name=(.*)$/m.exec(text)?.[1];
    return { ...Pax.parse(text, before, global), ...(real === undefined ? {} : { path: real }), ...sparse };
  }

  private async assertComplete(entry: TarEntry): Promise<void> {
    if (entry.size === 0) return;
    // Going back costs a packed tar a whole pass, so it remembers the starts that are sure to be asked for.
    if (!this.source.randomAccess) await this.source.read(entry.position, Math.min(entry.size, REMEMBERED));
    const last = await this.source.read(entry.position + entry.size - 1, 1);
    if (last.length === 1) return;
    throw new TarReadError(`${this.source.name} is cut short inside ${printable(entry.name, 300)}`, {
      hint: 'Write the file again: docker save did not finish, or the copy was incomplete.',
    });
  }

  private damaged(what: string, cause?: unknown): TarReadError {
    const place = this.position === 0 ? '' : ` at byte ${this.position}, after ${printable(this.last, 300)}`;
    return new TarReadError(`${this.source.name} ${what}${place}`, {
      cause,
      hint: 'Give the file that docker save wrote, complete and unchanged.',
    });
  }
}

/** These carry no content whatever their size field says; Go's archive/tar reads them the same way. */
function isHeaderOnly(type: string): boolean {
  return ['Link', 'SymbolicLink', 'CharacterDevice', 'BlockDevice', 'Directory', 'FIFO'].includes(type);
}

function paddedSize(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

function untilNul(text: string): string {
  const nul = text.indexOf('\0');
  return nul < 0 ? text : text.slice(0, nul);
}
