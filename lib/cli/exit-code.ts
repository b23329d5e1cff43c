/** What the program's end means. Loaded with every command, so it imports nothing. */
export const ExitCode = {
  ok: 0,
  registry: 1,
  usage: 2,
  archive: 3,
  authentication: 4,
  interrupted: 130,
  /** What a shell says of a program that SIGPIPE ended. */
  unread: 141,
} as const;
