import type { Readable } from 'node:stream';

/** The bytes of an (unpacked) tar, addressed by position. */
export interface ArchiveSource {
  /** Path of the file, for messages. */
  readonly name: string;
  /**
   * Whether several places can be read at once at no extra cost. A packed tar can only be read onwards: going back starts
   * over, so its contents are best read one after another in the order they stand.
   */
  readonly randomAccess: boolean;
  /** Up to `length` bytes from `position`; fewer only at the end. */
  read(position: number, length: number): Promise<Buffer>;
  /** Exactly `length` bytes from `position`, in chunks of about 1 MiB; fails with a `TarReadError` if the file ends before. */
  open(position: number, length: number): Readable;
  close(): Promise<void>;
}
