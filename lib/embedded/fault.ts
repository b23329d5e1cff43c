import { InvalidArgumentError } from '../errors.js';
import { printable } from '../redact.js';

/**
 * Something that goes wrong, as data. `on`, `path`, `nth` and `times` say when; one other field says what, and `delayMs` may come
 * with it or stand alone. Bytes are those of the request's body, for GET those of the answer's.
 */
export interface Fault {
  /** Method of the requests it is meant for. Default: any. */
  on?: string;
  /** What their path and query must match, or contain. Default: any. */
  path?: RegExp | string;
  /** The first of those requests it happens to, from 1; where bytes are counted, of those that have as many. Default 1. */
  nth?: number;
  /** To how many of them in a row; `Infinity` for all from there on. Default 1. */
  times?: number;
  /** Milliseconds to wait before it happens; alone, before the registry sees the request. */
  delayMs?: number;
  /** Answers with this status, 200 to 599, and the registry never sees the request. */
  status?: number;
  /** With `status`: the `Retry-After` header, in seconds or as a date. */
  retryAfter?: number | Date;
  /** With `status`: the error code in the answer. Default: one that goes with the status, else `UNKNOWN`. */
  code?: string;
  /** The registry does all it was asked to, and then the connection breaks instead of bringing the answer. */
  dropResponse?: true;
  /** The connection breaks after so many bytes, which have arrived; with 0 before the registry sees the request. */
  resetAfterBytes?: number;
  /** Nothing moves any more after so many bytes; with 0 the registry never sees the request. */
  stallAfterBytes?: number;
  /** No more than so many bytes arrive, and it looks as if there were no more. */
  truncateAfterBytes?: number;
  /** One bit of the byte at this offset is flipped. */
  flipBit?: number;
}

const EFFECTS = [
  'status',
  'dropResponse',
  'resetAfterBytes',
  'stallAfterBytes',
  'truncateAfterBytes',
  'flipBit',
] as const;

type Check = readonly [isRight: (value: unknown) => boolean, expected: string];

const BYTES: Check = [(value) => isWhole(value, 0, Number.MAX_SAFE_INTEGER), 'a number of bytes'];

/** What each field may be. */
const FIELDS: Readonly<Record<keyof Fault, Check>> = {
  on: [(value) => typeof value === 'string' && /^[A-Za-z]+$/.test(value), 'a method, for example PATCH'],
  path: [(value) => typeof value === 'string' || value instanceof RegExp, 'text or a regular expression'],
  nth: [(value) => isWhole(value, 1, Number.MAX_SAFE_INTEGER), 'a whole number from 1'],
  times: [(value) => value === Infinity || isWhole(value, 1, Number.MAX_SAFE_INTEGER), 'a whole number from 1'],
  delayMs: [(value) => isWhole(value, 0, 2 ** 31 - 1), 'a number of milliseconds'],
  status: [(value) => isWhole(value, 200, 599), 'a status from 200 to 599'],
  retryAfter: [(value) => value instanceof Date || isWhole(value, 0, Number.MAX_SAFE_INTEGER), 'seconds or a Date'],
  code: [(value) => typeof value === 'string' && value !== '', 'an error code, for example DENIED'],
  dropResponse: [(value) => value === true, 'true'],
  resetAfterBytes: BYTES,
  stallAfterBytes: BYTES,
  truncateAfterBytes: BYTES,
  flipBit: [(value) => isWhole(value, 0, Number.MAX_SAFE_INTEGER), 'the offset of a byte'],
};

/** @throws InvalidArgumentError naming the field that is unknown, wrong, or contradicts another. */
export function checkFault(fault: Fault, index: number): Fault {
  const given = Object.entries(fault).filter(([, value]) => value !== undefined);
  for (const [name, value] of given) checkField(name, value, index);
  const effects = EFFECTS.filter((name) => fault[name] !== undefined);
  if (effects.length > 1) throw wrong(index, `has ${effects.join(' and ')}: one thing goes wrong at a time`);
  if (effects.length === 0 && fault.delayMs === undefined) {
    throw wrong(index, `does nothing: it needs delayMs or one of ${EFFECTS.join(', ')}`);
  }
  for (const name of ['retryAfter', 'code'] as const) {
    if (fault[name] !== undefined && fault.status === undefined) throw wrong(index, `has ${name} without a status`);
  }
  return Object.freeze({ ...fault });
}

/** Whether a request is one of those the fault is meant for. @param target - path and query */
export function isMeantFor({ on, path = '' }: Pick<Fault, 'on' | 'path'>, method: string, target: string): boolean {
  if (on !== undefined && on.toUpperCase() !== method) return false;
  // `search` keeps no state from call to call, also with the flag g.
  return typeof path === 'string' ? target.includes(path) : target.search(path) >= 0;
}

function checkField(name: string, value: unknown, index: number): void {
  const check = Object.hasOwn(FIELDS, name) ? FIELDS[name as keyof Fault] : undefined;
  if (check === undefined) {
    throw wrong(index, `has a field "${printable(name, 50)}"; there are ${Object.keys(FIELDS).join(', ')}`);
  }
  const [isRight, expected] = check;
  if (!isRight(value)) throw wrong(index, `has ${name}: ${printable(String(value), 50)}; it must be ${expected}`);
}

function isWhole(value: unknown, from: number, to: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= from && (value as number) <= to;
}

function wrong(index: number, problem: string): InvalidArgumentError {
  return new InvalidArgumentError(`faults[${index}] ${problem}`);
}
