import { type ErrorJson, hideUndefined, INSPECT, jsonOf, viewOf } from './error-view.js';

const BRAND = Symbol.for('registry-api-v2-client.error');

/** What every error of this package is made from. */
export interface ErrorDetails {
  /** Stable and machine-readable: the spec's code where the registry sent one, else one of this package's. */
  code: string;
  /** Whether doing the same again may succeed. Default `false`. */
  retryable?: boolean;
  /** What to try; appended to the message. */
  hint?: string | undefined;
  /** What it was caused by, an error of Node's for example. Default: nothing. */
  cause?: unknown;
}

/** Base of every error this package throws on purpose. Cancellation is not one of them: it rejects with `signal.reason`. */
export class RegistryClientError extends Error {
  /** Stable and machine-readable: the spec's code where the registry sent one, else one of this package's. */
  readonly code: string;
  /** Whether doing the same again may succeed. */
  readonly retryable: boolean;
  /** What to try, as it stands at the end of the message; undefined where nothing is known. */
  readonly hint: string | undefined;

  static {
    named(this, 'RegistryClientError');
  }

  /** For errors of your own; `message` says what was being done, to what, and what came back. */
  constructor(message: string, details: ErrorDetails) {
    // A subclass made elsewhere is called what it is called there.
    if (!Object.hasOwn(new.target.prototype, 'name')) named(new.target, new.target.name);
    super(withHint(message, details.hint), details.cause === undefined ? undefined : { cause: details.cause });
    Object.defineProperty(this, BRAND, { value: true });
    this.code = details.code;
    this.retryable = details.retryable ?? false;
    this.hint = details.hint;
    hideUndefined(this);
  }

  /** For `JSON.stringify`: name, message, code and what else is known; of causes the name, message and code. No stack. */
  toJSON(): ErrorJson {
    return jsonOf(this, this);
  }

  /** For `console.log`. The hint is in the message already. */
  [INSPECT](): Error {
    return viewOf(this, { ...this, hint: undefined });
  }

  /** True for errors of this package, also when two copies of it are loaded. */
  static is(value: unknown): value is RegistryClientError {
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}

/** An option, a name, a tag, a digest or a reference that cannot be right. Thrown before any request is sent. */
export class InvalidArgumentError extends RegistryClientError {
  static {
    named(this, 'InvalidArgumentError');
  }

  /** The code is `INVALID_ARGUMENT` unless `details` have another. */
  constructor(message: string, details: Partial<ErrorDetails> = {}) {
    super(message, { code: 'INVALID_ARGUMENT', ...details });
  }
}

/**
 * One entry of the `errors` array a registry answers with. Source: distribution-spec v1.1,
 * [Error Codes](https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#error-codes).
 */
export interface RegistryErrorEntry {
  /** For example `MANIFEST_UNKNOWN`. */
  code: string;
  /** In the words of the registry. */
  message?: string;
  /** Whatever the registry adds, of any shape. */
  detail?: unknown;
}

/** What is known of a request that failed. */
export interface RegistryErrorDetails extends ErrorDetails {
  /** HTTP status; absent when no answer arrived. */
  status?: number | undefined;
  /** Absent when no request was under way. */
  method?: string | undefined;
  /** Already redacted. */
  url?: string | undefined;
  /** What the body of the answer lists. Default: empty. */
  errors?: readonly RegistryErrorEntry[];
}

/** The registry, or the way to it, failed: a refused connection, an unexpected status, an answer that makes no sense. */
export class RegistryError extends RegistryClientError {
  /** HTTP status; undefined when no answer arrived, or the answer was not the problem. */
  readonly status: number | undefined;
  /** `GET`, `PUT` and so on; undefined when no request was under way. */
  readonly method: string | undefined;
  /** What was asked for, already redacted; undefined when no request was under way. */
  readonly url: string | undefined;
  /** What the body of the answer lists; empty when it is not of the form that the spec has. */
  readonly errors: readonly RegistryErrorEntry[];

  static {
    named(this, 'RegistryError');
  }

  /** For transports and services of your own. */
  constructor(message: string, details: RegistryErrorDetails) {
    super(message, details);
    this.status = details.status;
    this.method = details.method;
    this.url = details.url;
    this.errors = details.errors ?? [];
    hideUndefined(this);
  }
}

/**
 * Whether no answer came, and another try may get one. An error with a status is about an answer, a token server's for example,
 * that whoever got it has judged already.
 */
export function isUnanswered(error: unknown): boolean {
  return error instanceof RegistryError && error.retryable && error.status === undefined;
}

/** The registry or its token server refused who we are or what we may do (401, 403, DENIED). */
export class AuthenticationError extends RegistryError {
  static {
    named(this, 'AuthenticationError');
  }
}

/** The repository, manifest or blob is not there (404). */
export class NotFoundError extends RegistryError {
  static {
    named(this, 'NotFoundError');
  }
}

/** The registry does not offer the operation (405, UNSUPPORTED, a catalog that is switched off). */
export class UnsupportedError extends RegistryError {
  static {
    named(this, 'UnsupportedError');
  }
}

/** The registry asked for a pause longer than this client is willing to wait (429, or 503 with `Retry-After`). */
export class RateLimitError extends RegistryError {
  /** When the registry said the limit ends; absent when it did not say. */
  readonly resetAt: Date | undefined;

  static {
    named(this, 'RateLimitError');
  }

  /** For transports of your own. */
  constructor(message: string, details: RegistryErrorDetails & { resetAt?: Date | undefined }) {
    super(message, details);
    this.resetAt = details.resetAt;
    hideUndefined(this);
  }
}

/** Bytes do not match the digest or the size they were promised under. */
export class DigestMismatchError extends RegistryError {
  /** The digest, or the size, that was promised. */
  readonly expected: string;
  /** The digest, or the size, that came. */
  readonly actual: string;

  static {
    named(this, 'DigestMismatchError');
  }

  /** The code is `DIGEST_MISMATCH` unless `details` have another. */
  constructor(message: string, details: Partial<RegistryErrorDetails> & { expected: string; actual: string }) {
    super(message, { code: 'DIGEST_MISMATCH', ...details });
    this.expected = details.expected;
    this.actual = details.actual;
  }
}

/** The file cannot be read as a tar: absent, empty, truncated, damaged, or something else. */
export class TarReadError extends RegistryClientError {
  static {
    named(this, 'TarReadError');
  }

  /** The code is `TAR_UNREADABLE` unless `details` have another. */
  constructor(message: string, details: Partial<ErrorDetails> = {}) {
    super(message, { code: 'TAR_UNREADABLE', ...details });
  }
}

/** One thing wrong with an archive. */
export interface ArchiveProblem {
  /** Name of the entry in the archive the problem is about. */
  entry: string;
  /** Goes on where the name of the entry ends: `is not in the archive`. */
  message: string;
}

/** The tar reads well but is not a valid image archive. */
export class ValidationError extends RegistryClientError {
  /** Every problem found, each naming its entry. */
  readonly problems: readonly ArchiveProblem[];

  static {
    named(this, 'ValidationError');
  }

  /** The code is `ARCHIVE_INVALID` unless `details` have another. */
  constructor(message: string, problems: readonly ArchiveProblem[], details: Partial<ErrorDetails> = {}) {
    super(message, { code: 'ARCHIVE_INVALID', ...details });
    this.problems = problems;
  }
}

/** Once for all errors of a class, so that a stack begins with it; written out, as minifiers change the names of classes. */
function named({ prototype }: { prototype: Error }, name: string): void {
  Object.defineProperty(prototype, 'name', { value: name, configurable: true, writable: true });
}

function withHint(message: string, hint: string | undefined): string {
  if (!hint) return message;
  return `${message}${/[.!?]$/.test(message) ? '' : '.'} ${hint}`;
}
