/** A blob on its way. */
export interface MovedBlob {
  /** Anything that stands for the blob, the same one each time. */
  id: unknown;
  /** Its entry in an archive, or its digest; from outside. */
  name: string;
  /** Bytes, in the archive where there is one. */
  size: number;
}

/** How a blob got to where it belongs. */
export type Outcome = 'exists' | 'mounted' | 'uploaded' | 'pulled';

/** The blob is where it belongs. */
export interface BlobEnded {
  state: Outcome;
  blob: MovedBlob;
  digest: string;
  /** Bytes as the registry keeps them. */
  stored: number;
  /** Absent where there is only one. */
  repository?: string;
}

/** What pushes, pulls and copies all report. */
export type TransferEvent =
  /** A second one says that all starts over. A stream is planned at its end. */
  | { state: 'planned'; blobs: number; bytes: number }
  | { state: 'warning'; message: string }
  | { state: 'started' | 'retry'; blob: MovedBlob }
  /** Bytes of this blob so far: of its size, and on the network where that is something else. */
  | { state: 'progress'; blob: MovedBlob; bytes: number; sent?: number }
  | BlobEnded
  | { state: 'tagged'; reference: string; digest: string };

/** The verb of what is done. */
export type Transfer = 'push' | 'pull' | 'copy';

/** Shows a transfer to people or to programs. */
export interface TransferView {
  report(event: TransferEvent): void;
  /** Nothing comes after it. */
  end(succeeded: boolean): void;
}
