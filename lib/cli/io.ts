/** What a command may touch of the process it runs in. */
export interface Io {
  /** For results, and nothing else. */
  readonly stdout: (text: string) => void;
  /** For everything people read while they wait. */
  readonly stderr: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
}
