import {
  AuthenticationError,
  InvalidArgumentError,
  NotFoundError,
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
 * Says what went wrong, as a line of JSON where other lines are that too. On a terminal what to try has a line of its own.
 * @returns the exit code it means
 */
export function reportError(error: unknown, { stderr, screen, env }: Io, { json }: { json: boolean }): number {
  const exitCode = exitCodeFor(error);
  if (json) stderr(formatJson({ state: 'error', ...factsOf(error), exitCode }, 0));
  else stderr(`${styleFor(screen, env).bad('error:')} ${describeError(error, screen.isTTY ? '\n  ' : ' ')}\n`);
  return exitCode;
}

function factsOf(error: unknown): object {
  if (!RegistryClientError.is(error)) return { code: 'UNEXPECTED', message: describeError(error) };
  const { code, retryable } = error;
  const status = error instanceof RegistryError ? error.status : undefined;
  return { code, message: describeError(error), retryable, status };
}

export function exitCodeFor(error: unknown): number {
  if (error instanceof InvalidArgumentError) return ExitCode.usage;
  if (error instanceof TarReadError || error instanceof ValidationError) return ExitCode.archive;
  if (error instanceof AuthenticationError) return ExitCode.authentication;
  return ExitCode.registry;
}

/**
 * What people see of an error: its message, and what to try; a stack only where the mistake is ours.
 * @param gap - between the two
 */
export function describeError(error: unknown, gap = ' '): string {
  if (RegistryClientError.is(error)) return describeOurs(error, gap);
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return text
    .split('\n')
    .map((line) => printable(line, LONGEST))
    .join('\n');
}

function describeOurs(error: RegistryClientError, gap: string): string {
  const { message, hint } = error;
  const said = hint !== undefined && message.endsWith(hint) ? message.slice(0, -hint.length).trimEnd() : message;
  const what = printable(said, LONGEST);
  const advice = hint ?? adviceFor(error);
  if (advice === undefined) return what;
  return `${/[.!?]$/.test(what) ? what : `${what}.`}${gap}${printable(advice, LONGEST)}`;
}

/** What to try with this program, where the package alone does not say. */
function adviceFor(error: RegistryClientError): string | undefined {
  if (!(error instanceof RegistryError) || error.url === undefined) return undefined;
  const { url, status, errors } = error;
  if (error instanceof NotFoundError) return adviceForAbsent(url);
  // What Go's server says to http on a port for https, and others too.
  if (status === 400 && errors.length === 0 && url.startsWith('http:')) {
    return 'If this port speaks TLS, write https:// before the name.';
  }
  return undefined;
}

function adviceForAbsent(url: string): string | undefined {
  const [, host, repository, reference] = /^(?:https:\/\/)?(.+)\/v2\/(.+)\/manifests\/([^/?]+)$/.exec(url) ?? [];
  if (host === undefined || repository === undefined || reference === undefined) return undefined;
  if (reference.includes(':')) return 'Is this the repository that has it?';
  return `See which tags there are: registry-client tags ${host}/${repository}`;
}
