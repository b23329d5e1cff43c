import { STATUS_CODES } from 'node:http';
import {
  AuthenticationError,
  NotFoundError,
  RateLimitError,
  RegistryError,
  type RegistryErrorDetails,
  type RegistryErrorEntry,
  UnsupportedError,
} from '../errors.js';
import { isJsonObject } from '../oci/descriptor.js';
import { printable, redactUrl } from '../redact.js';
import { retryAfter } from '../transport/retry-after.js';
import type { TransportRequest, TransportResponse } from '../transport/transport.js';

/** Error bodies are read up to here; the rest is a web page or an attack. */
const MAX_ERROR = 64 * 1024;

const HINTS: Readonly<Record<number, string>> = {
  401: 'Check the user name and password, or log in with docker login.',
  403: 'Check that this user may do this in this repository.',
  413: 'A proxy in front of the registry may limit the size of a body.',
  429: 'The registry limits requests: wait, or log in to get a higher limit.',
};

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

/** Ends the use of a response whose body does not matter, keeping the connection where the rest is short. */
export function discard(response: TransportResponse): void {
  let left = MAX_ERROR;
  const ignore = (chunk: Buffer): void => {
    left -= chunk.length;
    if (left < 0) response.body.destroy();
  };
  response.body.on('error', () => undefined).on('data', ignore);
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

/** @throws RegistryError when the body is longer than `limit` or not JSON. */
export async function readJson(response: TransportResponse, limit: number, doing: string): Promise<unknown> {
  const body = await readBody(response, limit, doing);
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw notARegistry(response, doing, cause);
  }
}

/** The answer cannot come from a registry, whatever its status. */
export function notARegistry(response: TransportResponse, doing: string, cause?: unknown): RegistryError {
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
  const text = await readErrorText(response);
  const errors = parseErrors(text);
  const url = redactUrl(response.url);
  const [first] = errors;
  const said = errors.map(({ code, message }) => (message ? `${code}: ${message}` : code)).join('; ');
  const answer = `${status} ${STATUS_CODES[status] ?? ''}`.trim();
  const message = `${doing}: ${request.method} ${url} answered ${answer}${said ? ` (${said})` : ''}`;
  const isPage = errors.length === 0 && /html/.test(response.headers['content-type'] ?? '');
  const details: RegistryErrorDetails = {
    code: first?.code ?? `HTTP_${status}`,
    status,
    method: request.method,
    url,
    errors,
    retryable: status >= 500 || status === 408 || status === 429,
    hint: isPage ? 'It answered with a web page: is this the address of a registry?' : HINTS[status],
  };
  return classify(message, details, response);
}

function classify(message: string, details: RegistryErrorDetails, response: TransportResponse): RegistryError {
  const { status, code } = details;
  if (status === 401 || status === 403 || code === 'UNAUTHORIZED' || code === 'DENIED') {
    return new AuthenticationError(message, details);
  }
  if (status === 405 || code === 'UNSUPPORTED') return new UnsupportedError(message, details);
  if (status === 404) return new NotFoundError(message, details);
  if (status !== 429) return new RegistryError(message, details);
  const wait = retryAfter(response.headers);
  const resetAt = wait === undefined ? undefined : new Date(Date.now() + wait);
  return new RateLimitError(resetAt ? `${message}, until ${resetAt.toISOString()}` : message, { ...details, resetAt });
}

async function readErrorText(response: TransportResponse): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= MAX_ERROR) break;
    }
  } catch {
    // The status alone already says what happened.
  }
  return Buffer.concat(chunks).subarray(0, MAX_ERROR).toString('utf8');
}

/** `{"errors":[{code,message,detail}]}` where the registry keeps to the spec; anything else counts as no error body. */
function parseErrors(text: string): RegistryErrorEntry[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return [];
  }
  const errors = isJsonObject(json) && Array.isArray(json.errors) ? json.errors : [];
  return errors.slice(0, 10).flatMap((error: unknown) => {
    if (!isJsonObject(error) || typeof error.code !== 'string') return [];
    const { code, message, detail } = error;
    return {
      code: printable(code, 100),
      ...(typeof message === 'string' ? { message: printable(message, 500) } : {}),
      ...(detail === undefined ? {} : { detail }),
    };
  });
}

function tooLarge(response: TransportResponse, limit: number, doing: string): RegistryError {
  const url = redactUrl(response.url);
  return new RegistryError(`${doing}: ${url} answered with more than ${limit} bytes`, {
    code: 'RESPONSE_TOO_LARGE',
    status: response.status,
    url,
  });
}
