import type { Readable, Writable } from 'node:stream';

/** What a command may touch of the process it runs in. */
export interface Io {
  /** Untouched until it is asked for. */
  readonly stdin: Readable & { readonly isTTY?: boolean };
  /** For results, and nothing else. */
  readonly stdout: (content: string | Uint8Array) => void;
  /** Standard output again, for content that must wait until its reader can take it. */
  readonly stdoutStream: Writable & { readonly isTTY?: boolean };
  /** From now on it is a failure when the reader of standard output leaves: what it has is of no use without the rest. */
  readonly requireReader: () => void;
  /** For everything people read while they wait. */
  readonly stderr: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
}
