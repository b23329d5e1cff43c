import { Header } from 'tar/header';
import { Pax } from 'tar/pax';

const BLOCK = 512;

/** A file of a tar to be written. */
export interface LayoutFile {
  name: string;
  /** Bytes. */
  size: number;
  /** The content, where it is small and at hand; absent for blobs that arrive later. */
  bytes?: Buffer;
}

/** A file with its place. */
export interface PlacedFile extends LayoutFile {
  /** What stands before the content: the header, with a PAX record where the name needs one. */
  header: Buffer;
  /** Of the first content byte. */
  position: number;
  /** Zero bytes behind the content. */
  padding: number;
}

/**
 * Where everything in a tar will stand, known before a byte of content is there: so contents can be written in any order.
 * No times and no owners, so that the same image gives the same bytes.
 */
export class TarLayout {
  readonly files: readonly PlacedFile[];
  /** Bytes of the whole tar. */
  readonly size: number;

  constructor(files: readonly LayoutFile[]) {
    let at = 0;
    this.files = files.map((file) => {
      const header = encodeHeader(file.name, file.size);
      const padding = (BLOCK - (file.size % BLOCK)) % BLOCK;
      const position = at + header.length;
      at = position + file.size + padding;
      return { ...file, header, position, padding };
    });
    this.size = at + TarLayout.END.length;
  }

  /** Two zero blocks end a tar. */
  static readonly END = Buffer.alloc(2 * BLOCK);
}

function encodeHeader(name: string, size: number): Buffer {
  const isDirectory = name.endsWith('/');
  const fields = {
    path: name,
    size,
    mode: isDirectory ? 0o755 : 0o644,
    type: isDirectory ? ('Directory' as const) : ('File' as const),
    uid: 0,
    gid: 0,
    mtime: new Date(0),
  };
  const block = Buffer.alloc(BLOCK);
  const header = new Header(fields);
  const needsPax = header.encode(block, 0);
  return needsPax ? Buffer.concat([new Pax({ path: name, size }).encode(), block]) : block;
}
