/** What a command may touch of the process it runs in. */
export interface Io {
  /** For results, and nothing else. */
  stdout(text: string): void;
  /** For everything people read while they wait. */
  stderr(text: string): void;
  env: Readonly<Record<string, string | undefined>>;
  /** Aborted when the user interrupts. */
  signal: AbortSignal;
}
