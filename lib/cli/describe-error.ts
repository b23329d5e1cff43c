import {
  AuthenticationError,
  InvalidArgumentError,
  RegistryClientError,
  TarReadError,
  ValidationError,
} from '../index.js';
import { printable } from '../redact.js';
import { ExitCode } from './exit-code.js';

/** Characters; the largest messages list ten entries of an archive. */
const LONGEST = 10_000;

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
