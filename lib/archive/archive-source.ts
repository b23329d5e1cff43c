import type { Readable } from 'node:stream';
import type { ContentRange } from './content-range.js';

/** The bytes of an (unpacked) tar, addressed by position. */
export interface ArchiveSource {
  /** Path of the file, for messages. */
  readonly name: string;
  /**
   * Whether several places can be read at once at no extra cost. A packed tar can only be read onwards: going back starts
   * over, so its contents are best read one after another in the order they stand.
   */
  readonly randomAccess: boolean;
  /** Up to `length` bytes from `position`; fewer only at the end. @throws TarReadError when they cannot be read. */
  read(position: number, length: number): Promise<Buffer>;
  /** Whether there are so many bytes; where only reading would tell, they are read. */
  reaches(end: number): Promise<boolean>;
  /** All bytes of the range, chunk by chunk; fails with a `TarReadError` if the file ends before. */
  open(range: ContentRange): Readable;
  /** Reads what follows the tar, where a packed one has its checksum. @throws TarReadError when it is damaged. */
  checkEnd(): Promise<void>;
  close(): Promise<void>;
}

/** A source that knows where it ends. */
export interface SizedSource extends ArchiveSource {
  /** Bytes. */
  readonly size: number;
}
