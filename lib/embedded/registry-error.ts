import { RegistryClientError, RegistryError, type RegistryErrorEntry } from '../errors.js';
import { jsonResponse, type RegistryResponse } from './message.js';

/**
 * Status for each code. Codes: distribution-spec v1.1, "Error Codes"; statuses, and the codes TAG_INVALID, RANGE_INVALID and
 * PAGINATION_NUMBER_INVALID, as distribution answers them (its registry/api/errcode/register.go).
 */
const STATUS: Readonly<Record<string, number>> = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  PAGINATION_NUMBER_INVALID: 400,
  RANGE_INVALID: 416,
  SIZE_INVALID: 400,
  TAG_INVALID: 400,
  UNKNOWN: 500,
  UNSUPPORTED: 405,
};

export interface RefusalDetails {
  /** Default: what the code stands for. */
  status?: number;
  /** Sent along, for example `{ digest }`. */
  detail?: unknown;
  headers?: Record<string, string>;
  /** Default: one entry of code, message and detail. */
  errors?: readonly RegistryErrorEntry[];
}

/** Thrown by the registry to answer a request with an error of the spec. */
export class Refusal extends RegistryError {
  declare readonly status: number;
  readonly headers: Record<string, string>;

  constructor(code: string, message: string, { status, detail, headers = {}, errors }: RefusalDetails = {}) {
    super(message, {
      code,
      status: status ?? STATUS[code] ?? 500,
      errors: errors ?? [{ code, message, ...(detail === undefined ? {} : { detail }) }],
    });
    this.headers = headers;
  }
}

/** The answer to a request that ended in `error`, whatever it is; an error without a code of the spec is a 500. */
export function errorResponse(error: unknown): RegistryResponse {
  const { status, errors, headers } = refusalOf(error);
  return jsonResponse(status, { errors }, headers);
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (RegistryClientError.is(error) && Object.hasOwn(STATUS, error.code)) return new Refusal(error.code, error.message);
  return new Refusal('UNKNOWN', `the registry failed: ${reasonOf(error)}`);
}

/** The system's own words name paths of this machine, which are no client's business. */
function reasonOf(error: unknown): string {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  if (syscall !== undefined) return `${code} on ${syscall}`;
  return error instanceof Error ? error.message : String(error);
}
