import type { Readable } from 'node:stream';
import type { PlacedFile } from '../archive/tar-layout.js';

/** Where an archive is written to. */
export interface ArchiveSink {
  /** Whether contents may come in any order, several at once. */
  readonly randomAccess: boolean;
  /** Writes the content of one file; a stream that fails leaves nothing that counts. */
  write(file: PlacedFile, content: Readable | Buffer): Promise<void>;
  /** Everything is there: make it last. */
  finish(): Promise<void>;
  /** It failed: leave nothing behind. */
  abandon(): Promise<void>;
}
