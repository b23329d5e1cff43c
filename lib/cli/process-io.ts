import { ExitCode } from './exit-code.js';
import type { Io, Screen } from './io.js';

/** The part of Node's `process` that is needed here. */
export interface ProcessLike {
  env: Io['env'];
  exitCode?: number | string | null | undefined;
  stdin: Io['stdin'];
  stdout: Io['stdoutStream'];
  stderr: Outlet;
  on(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  exit(code?: number | string | null): unknown;
}

interface Outlet extends Screen {
  write(text: string): unknown;
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
}

/** Milliseconds the work may take to end in order. */
const GRACE = 2800;

const SIGNALS = { SIGINT: ExitCode.interrupted, SIGTERM: 143 } as const;

/**
 * The process as a command sees it. The first signal ends the work in order, the second one at once, and so does time: people
 * who press Ctrl+C wait for no registry.
 * @returns `exitCode` says what the process ends with, given what its command ended with
 */
export function processIo(process: ProcessLike): { io: Io; exitCode: (code: number) => number } {
  const interrupted = new AbortController();
  let signalCode: number = ExitCode.interrupted;
  let unreadCode: number = ExitCode.ok;
  for (const [signal, code] of Object.entries(SIGNALS) as [keyof typeof SIGNALS, number][]) {
    process.on(signal, () => {
      if (interrupted.signal.aborted) process.exit(code);
      signalCode = code;
      setTimeout(() => process.exit(code), GRACE).unref();
      interrupted.abort();
    });
  }
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Without a reader there is no more to do. One that has seen enough of a list (`| head`) is no error of ours.
    const isOurs = error.code !== 'EPIPE';
    if (isOurs) process.stderr.write(`error: standard output cannot be written: ${error.message}\n`);
    process.exit(isOurs ? ExitCode.registry : (process.exitCode ?? unreadCode));
  });
  process.stderr.on('error', (error) => {
    if (error.code !== 'EPIPE') throw error;
  });
  const io: Io = {
    get stdin() {
      return process.stdin;
    },
    stdinFd: 0,
    stdout: (content) => void process.stdout.write(content),
    stdoutStream: process.stdout,
    requireReader: () => void (unreadCode = ExitCode.unread),
    stderr: (text) => void process.stderr.write(text),
    screen: process.stderr,
    env: process.env,
    signal: interrupted.signal,
  };
  return { io, exitCode: (code) => (code === ExitCode.interrupted ? signalCode : code) };
}
