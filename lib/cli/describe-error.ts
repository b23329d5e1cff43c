import {
  AuthenticationError,
  InvalidArgumentError,
  RegistryClientError,
  RegistryError,
  TarReadError,
  ValidationError,
} from '../index.js';
import { printable } from '../redact.js';
import { ExitCode } from './exit-code.js';
import { formatJson } from './format.js';
import type { Io } from './io.js';
import { styleFor } from './style.js';

/** Characters; the largest messages list ten entries of an archive. */
const LONGEST = 10_000;

/**
 * Says what went wrong, as a line of JSON where other lines are that too.
 * @returns the exit code it means
 */
export function reportError(error: unknown, { stderr, screen, env }: Io, { json }: { json: boolean }): number {
  const exitCode = exitCodeFor(error);
  if (json) stderr(formatJson({ state: 'error', ...factsOf(error), exitCode }, 0));
  else stderr(`${styleFor(screen, env).bad('error:')} ${describeError(error)}\n`);
  return exitCode;
}

function factsOf(error: unknown): object {
  if (!RegistryClientError.is(error)) return { code: 'UNEXPECTED', message: describeError(error) };
  const { code, message, retryable } = error;
  return { code, message, retryable, ...(error instanceof RegistryError && { status: error.status }) };
}

export function exitCodeFor(error: unknown): number {
  if (error instanceof InvalidArgumentError) return ExitCode.usage;
  if (error instanceof TarReadError || error instanceof ValidationError) return ExitCode.archive;
  if (error instanceof AuthenticationError) return ExitCode.authentication;
  return ExitCode.registry;
}

/** What people see of an error: its message; a stack only where the mistake is ours. */
export function describeError(error: unknown): string {
  if (RegistryClientError.is(error)) return printable(error.message, LONGEST);
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return text
    .split('\n')
    .map((line) => printable(line, LONGEST))
    .join('\n');
}
