import { STATUS_CODES } from 'node:http';
import { buffer } from 'node:stream/consumers';
import {
  AuthenticationError,
  DigestMismatchError,
  NotFoundError,
  RateLimitError,
  RegistryError,
  type RegistryErrorDetails,
  type RegistryErrorEntry,
  UnsupportedError,
} from '../errors.js';
import { isJsonObject } from '../oci/descriptor.js';
import { printable, redactText, redactUrl } from '../redact.js';
import { holdResponse } from '../transport/response-body.js';
import { isTransient, rateLimited, retryAfter } from '../transport/retry-after.js';
import type { TransportRequest, TransportResponse } from '../transport/transport.js';
import { addressIn } from './location.js';

/** Error bodies are read up to here; the rest is a web page or an attack. */
const MAX_ERROR = 64 * 1024;

/** Of the `detail` of an error. */
const MAX_DETAIL_DEPTH = 5;
const MAX_DETAIL_ITEMS = 50;

/** Milliseconds to wait for the text of an error: the status alone already says what happened. */
const ERROR_PATIENCE = 5000;

const HINTS: Readonly<Record<number, string>> = {
  401: 'Check the user name and password, or log in with registry-client login or docker login.',
  403: 'Check that this user may do this in this repository.',
  413: 'A proxy in front of the registry may limit the size of a body.',
  429: 'The registry limits requests: wait, or log in to get a higher limit.',
};

/** An answer without its body. */
export type Head = Omit<TransportResponse, 'body'>;

type ErrorClass = new (message: string, details: RegistryErrorDetails) => RegistryError;

const BY_STATUS: Readonly<Record<number, ErrorClass>> = {
  401: AuthenticationError,
  403: AuthenticationError,
  404: NotFoundError,
  405: UnsupportedError,
  // What is too large is no matter of rights, whatever code a proxy puts on it.
  413: RegistryError,
  429: RateLimitError,
};

/** Source: distribution-spec v1.1, "Error Codes". */
const BY_CODE: ReadonlyMap<string, ErrorClass> = new Map<string, ErrorClass>([
  ['UNAUTHORIZED', AuthenticationError],
  ['DENIED', AuthenticationError],
  ['UNSUPPORTED', UnsupportedError],
  ['TOOMANYREQUESTS', RateLimitError],
  ['NAME_UNKNOWN', NotFoundError],
  ['BLOB_UNKNOWN', NotFoundError],
  ['MANIFEST_UNKNOWN', NotFoundError],
]);

/**
 * Passes on an answer with one of the statuses the spec names for this step, and nothing else: a web page that answers
 * 200 to everything has stored nothing.
 * @param doing - what was being done and to what, for the message
 * @throws RegistryError, or the subclass that fits the status; the body has been read.
 */
export async function expectStatus(
  request: TransportRequest,
  response: TransportResponse,
  expected: readonly number[],
  doing: string,
): Promise<TransportResponse> {
  if (expected.includes(response.status)) return response;
  throw await statusError(request, response, doing);
}

/**
 * The whole body, never more than `limit` bytes of it.
 * @throws RegistryError when it is longer, or breaks off.
 */
export async function readBody(response: TransportResponse, limit: number, doing: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw tooLarge(response, limit, doing);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/**
 * Compares what the registry says it stored, if it says so, with what it was sent. distribution names everything by
 * sha256, whatever digest it was sent under; that says nothing about another one.
 * @throws DigestMismatchError
 */
export function assertStored({ headers }: Head, digest: string, doing: string): void {
  const stored = headers['docker-content-digest'];
  if (!stored || stored === digest) return;
  if (stored.startsWith('sha256:') && !digest.startsWith('sha256:')) return;
  throw new DigestMismatchError(`${doing}: the registry says it stored ${printable(stored, 200)}`, {
    expected: digest,
    actual: stored,
  });
}

/** The answer cannot come from a registry, whatever its status. */
export function notARegistry(response: Head, doing: string, cause?: unknown): RegistryError {
  const url = redactUrl(response.url);
  const type = printable(response.headers['content-type'] ?? 'no content type', 100);
  return new RegistryError(
    `${doing}: ${url} answered ${response.status} with ${type}, which is no answer of a registry`,
    {
      code: 'NOT_A_REGISTRY',
      status: response.status,
      url,
      cause,
      hint: 'Is this the address of a registry, with the right port?',
    },
  );
}

async function statusError(
  request: TransportRequest,
  response: TransportResponse,
  doing: string,
): Promise<RegistryError> {
  const { status } = response;
  const held = await holdResponse(response, ERROR_PATIENCE);
  const errors = parseErrors((await buffer(held.body)).subarray(0, MAX_ERROR).toString('utf8'));
  const url = redactUrl(response.url);
  const said = errors.map(({ code, message }) => (message ? `${code}: ${message}` : code)).join('; ');
  const answer = `${status} ${STATUS_CODES[status] ?? ''}`.trim();
  const message = `${doing}: ${request.method} ${url} answered ${answer}${said ? ` (${said})` : ''}`;
  const details: RegistryErrorDetails = {
    code: errors[0]?.code ?? `HTTP_${status}`,
    status,
    method: request.method,
    url,
    errors,
    retryable: isTransient(status),
    hint: HINTS[status] ?? hintFor(response, errors),
  };
  return classify(message, details, response);
}

function hintFor({ status, url, headers }: TransportResponse, errors: readonly unknown[]): string | undefined {
  const target = status >= 300 && status < 400 ? addressIn(headers.location ?? '', url) : undefined;
  if (target && headers.location) return `It redirects to ${printable(redactUrl(target), 300)}: use that address.`;
  const isPage = errors.length === 0 && /html/.test(headers['content-type'] ?? '');
  if (isPage) return 'It answered with a web page: is this the address of a registry?';
  return status < 400 ? 'A registry answers otherwise: is this the address of one?' : undefined;
}

/** The status decides, and the code where the status says little: zot answers 400 for an unknown repository. */
function classify(message: string, details: RegistryErrorDetails, response: TransportResponse): RegistryError {
  const { status = 0, code } = details;
  const wait = retryAfter(response.headers);
  const isBusy = status === 503 && wait !== undefined;
  const Class = isBusy
    ? RateLimitError
    : (BY_STATUS[status] ?? (status < 500 ? BY_CODE.get(code) : undefined) ?? RegistryError);
  if (Class !== RateLimitError) return new Class(message, details);
  return rateLimited(message, details, wait);
}

/** `{"errors":[{code,message,detail}]}` where the registry keeps to the spec; anything else counts as no error body. */
function parseErrors(text: string): RegistryErrorEntry[] {
  const json = parseJson(text);
  const errors = isJsonObject(json) && Array.isArray(json.errors) ? json.errors : [];
  return errors.slice(0, 10).flatMap((error: unknown) => {
    if (!isJsonObject(error) || typeof error.code !== 'string') return [];
    const { code, message, detail } = error;
    return {
      code: shown(code, 100),
      ...(typeof message === 'string' ? { message: shown(message, 500) } : {}),
      ...(detail === undefined ? {} : { detail: shownDetail(detail) }),
    };
  });
}

/** @returns undefined for what is no JSON: the parser's own error quotes it. */
export function parseJson(text: Buffer | string): unknown {
  try {
    return JSON.parse(text.toString());
  } catch {
    return undefined;
  }
}

/** What a server says may repeat what it was sent. */
function shown(text: string, limit: number): string {
  return printable(redactText(text), limit);
}

/** Any JSON, for people to read: neither deep nor long enough to stop whoever prints it. */
function shownDetail(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return shown(value, 500);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === MAX_DETAIL_DEPTH) return '…';
  const inner = (item: unknown): unknown => shownDetail(item, depth + 1);
  if (Array.isArray(value)) return value.slice(0, MAX_DETAIL_ITEMS).map(inner);
  const fields = Object.entries(value).slice(0, MAX_DETAIL_ITEMS);
  return Object.fromEntries(fields.map(([name, item]) => [shown(name, 100), inner(item)]));
}

function tooLarge(response: TransportResponse, limit: number, doing: string): RegistryError {
  const url = redactUrl(response.url);
  return new RegistryError(`${doing}: ${url} answered with more than ${limit} bytes`, {
    code: 'RESPONSE_TOO_LARGE',
    status: response.status,
    url,
  });
}
