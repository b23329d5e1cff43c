import type { Readable, Writable } from 'node:stream';

/** Where text goes for people: its size and whether it is a terminal at all. */
export interface Screen {
  readonly isTTY?: boolean;
  /** Characters of a line; of a terminal only, and it changes. */
  readonly columns?: number;
  readonly rows?: number;
}

/** What a command may touch of the process it runs in. */
export interface Io {
  /** Untouched until it is asked for. */
  readonly stdin: Readable & { readonly isTTY?: boolean };
  /** File descriptor of the same, where it has one. */
  readonly stdinFd?: number;
  /** For results, and nothing else. */
  readonly stdout: (content: string | Uint8Array) => void;
  /** Standard output again, for content that must wait until its reader can take it. */
  readonly stdoutStream: Writable & Screen;
  /** From now on it is a failure when the reader of standard output leaves: what it has is of no use without the rest. */
  readonly requireReader: () => void;
  /** For everything people read while they wait. */
  readonly stderr: (text: string) => void;
  /** What standard error is seen on. */
  readonly screen: Screen;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
}
