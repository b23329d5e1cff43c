import { printable } from './redact.js';

/** Elements of a list that are shown; the error has all of them. */
const SHOWN = 10;
/** Causes of causes. */
const DEEPEST = 4;
/** Frames of a cause, besides those it shares with the error it caused. */
const FRAMES = 5;
/** Lines of a message, and characters of each. */
const LINES = 20;
const LONGEST = 2000;

/** For `console.log`: an object may say by this name what is shown of it. Source: nodejs.org/api/util.html#utilinspectcustom. */
export const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** What is written of an error where it goes into a log as JSON. */
export interface ErrorJson {
  /** Of its class, for example `NotFoundError`. */
  name: string;
  /** With the hint, if any. */
  message: string;
  /** Absent where an error has none. */
  code?: string;
  /** What it was caused by, and so on up to four deep; text where that is no error. Absent for none. */
  cause?: ErrorJson | string;
  [field: string]: unknown;
}

/**
 * What `console.log` shows of an error: its fields that say something, long lists cut; of its causes what they say and the frames
 * that are not those of the error itself. Never the objects that hang on the errors of others: sockets, requests, headers.
 */
export function viewOf(error: Error, fields: object): Error {
  const { stack = String(error), cause } = error;
  const shown = mapped(fields, (value) => (Array.isArray(value) ? shortened(value) : value));
  return view(error, { stack: safe(stack), fields: shown, cause: causeView(cause, stack, DEEPEST) });
}

/** Without a stack, which names places of one machine. */
export function jsonOf(error: Error, fields: object): ErrorJson {
  const { name, message, cause } = error;
  return { name, message, ...mapped(fields, (value) => value), ...said('cause', causeJson(cause, DEEPEST)) };
}

/** Node's last words show fields as they are, without asking anybody: those that say nothing are not seen there either. */
export function hideUndefined(error: Error): void {
  for (const [name, value] of Object.entries(error)) {
    if (value === undefined) Object.defineProperty(error, name, { enumerable: false });
  }
}

interface View {
  stack: string;
  fields: Record<string, unknown>;
  cause?: unknown;
  errors?: unknown;
}

/**
 * An error of the same class, so that Node shows it the way it shows errors, nested ones too. It gets that class last: what classes
 * of others compute (`DOMException` its name) they do for their own objects only.
 */
function view(error: Error, { stack, fields, cause, errors }: View): Error {
  const shown = new Error(error.message);
  const hidden = { stack, name: error.name, [INSPECT]: undefined, ...said('cause', cause), ...said('errors', errors) };
  for (const key of Reflect.ownKeys(hidden)) {
    Object.defineProperty(shown, key, { value: hidden[key as keyof typeof hidden], configurable: true });
  }
  for (const [key, value] of Object.entries(fields)) {
    Object.defineProperty(shown, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return Object.setPrototypeOf(shown, Object.getPrototypeOf(error) as object) as Error;
}

function causeView(cause: unknown, parentStack: string, deeper: number): unknown {
  if (!(cause instanceof Error)) return plain(cause);
  const { stack = String(cause) } = cause;
  if (deeper === 0) return safe(String(cause));
  const parts = partsOf(cause).map((one) => causeView(one, stack, deeper - 1));
  return view(cause, {
    stack: safe(withoutShared(stack, parentStack)),
    fields: mapped(cause, (value) => (typeof value === 'object' ? undefined : plain(value))),
    cause: causeView(cause.cause, stack, deeper - 1),
    errors: parts.length > 0 ? parts : undefined,
  });
}

function causeJson(cause: unknown, deeper: number): ErrorJson | string | undefined {
  if (!(cause instanceof Error)) return plain(cause)?.toString();
  const { name, message, cause: next } = cause;
  const { code } = cause as { code?: unknown };
  const shown = { name, message: message.slice(0, LONGEST), ...(typeof code === 'string' ? { code } : {}) };
  if (deeper === 0) return shown;
  const errors = partsOf(cause).map((one) => causeJson(one, deeper - 1));
  return { ...shown, ...mapped({ errors, cause: causeJson(next, deeper - 1) }, (value) => value) };
}

/** The errors of an AggregateError. What a registry calls its errors are texts, which stand in the message. */
function partsOf(error: Error): Error[] {
  const { errors } = error as { errors?: unknown };
  return Array.isArray(errors) ? errors.filter((one) => one instanceof Error).slice(0, SHOWN) : [];
}

/** What was thrown need not be an error; of an object only what kind it is. */
function plain(cause: unknown): unknown {
  if (typeof cause === 'string') return cause.slice(0, LONGEST);
  if (typeof cause === 'function') return undefined;
  if (typeof cause !== 'object' || cause === null) return cause ?? undefined;
  return Object.prototype.toString.call(cause);
}

/** Fields that are undefined, or empty lists, say nothing. */
function mapped(fields: object, change: (value: unknown) => unknown): Record<string, unknown> {
  const changed = Object.entries(fields).map(([name, value]) => [name, change(value)] as const);
  return Object.fromEntries(changed.filter(([, value]) => value !== undefined && !isEmptyList(value)));
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function said<Name extends string, Value>(name: Name, value: Value | undefined): { [Key in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { [Key in Name]: Value });
}

function shortened(list: readonly unknown[]): unknown[] {
  return list.length <= SHOWN ? [...list] : [...list.slice(0, SHOWN), `… and ${list.length - SHOWN} more`];
}

/** The message, and the frames that are of this error alone. */
function withoutShared(stack: string, parentStack: string): string {
  const shared = new Set(parentStack.split('\n'));
  const lines = stack.split('\n');
  const own = lines.filter((line) => isFrame(line) && !shared.has(line));
  return [...lines.filter((line) => !isFrame(line)), ...own.slice(0, FRAMES)].join('\n');
}

/** A message may repeat what a server sent. */
function safe(stack: string): string {
  const lines = stack.split('\n');
  const said = lines.filter((line) => !isFrame(line)).slice(0, LINES);
  return [...said, ...lines.filter(isFrame)].map((line) => printable(line, LONGEST)).join('\n');
}

function isFrame(line: string): boolean {
  return /^ +at /.test(line);
}
