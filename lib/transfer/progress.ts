import type { Descriptor } from '../oci/descriptor.js';

/** One content of a push: a layer or a config. */
export interface ProgressBlob {
  /** Name of the entry in the archive. */
  entry: string;
  /** Bytes in the archive. */
  size: number;
}

/** What a push reports, in this order for each blob; nothing ever goes backwards without a `retry`. */
export type PushEvent =
  /**
   * Before anything is sent, and again when all is done once more: how much there is to do. `bytes` are those in the
   * archive, each content once. Of a stream it is known at its end only, when the large layers have been sent: they are
   * counted, and their events came before.
   */
  | { state: 'planned'; blobs: number; bytes: number }
  /** Something the user should know that does not stop the push. */
  | { state: 'warning'; message: string }
  | { state: 'started'; blob: ProgressBlob }
  /** Totals for this blob so far: bytes read from the archive, and bytes handed to the network. */
  | { state: 'progress'; blob: ProgressBlob; read: number; sent: number }
  /** The blob starts over. */
  | { state: 'retry'; blob: ProgressBlob }
  /** The repository has the blob now: it was there, linked from another repository, or sent. */
  | { state: 'exists' | 'mounted' | 'uploaded'; blob: ProgressBlob; repository: string; descriptor: Descriptor }
  /** A tag points to its image now. */
  | { state: 'tagged'; reference: string; digest: string };

/** Hears what a push does; what it throws ends the push. */
export type OnProgress = (event: PushEvent) => void;
