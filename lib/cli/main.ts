#!/usr/bin/env node
import { ExitCode } from './exit-code.js';
import { run } from './program.js';

// A reader that has seen enough (`| head`) is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
  throw error;
});

const interrupted = new AbortController();
let interruptCode: number = ExitCode.interrupted;

/** The first signal ends the work in order, the second one at once. */
function interrupt(code: number): void {
  if (interrupted.signal.aborted) process.exit(code);
  interruptCode = code;
  interrupted.abort();
}

process.on('SIGINT', () => interrupt(ExitCode.interrupted));
process.on('SIGTERM', () => interrupt(143));

const code = await run(process.argv.slice(2), {
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
  env: process.env,
  signal: interrupted.signal,
});
process.exitCode = code === ExitCode.interrupted ? interruptCode : code;
