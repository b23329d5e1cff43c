import type { Readable } from 'node:stream';
import type { RequestBody } from '../transport/transport.js';
import { streamOf } from '../oci/byte-stream.js';

/** One request as a registry sees it, however it arrived. */
export interface RegistryRequest {
  /** `GET`, `PUT` and so on, in capitals. */
  method: string;
  /** Path and query as sent, still percent-encoded: `/v2/app/tags/list?n=5`. */
  target: string;
  /** Lower-case names. */
  headers: Readonly<Record<string, string>>;
  /** Bytes; ends at once when the request has none. The handler leaves it open when it stops reading early. */
  body: Readable;
}

/** A body with a known length, opened only when somebody wants the bytes: a HEAD request never does. */
export type ResponseBody = Required<RequestBody>;

/** What a handler answers. */
export interface RegistryResponse {
  /** HTTP status. */
  status: number;
  /** Lower-case names. */
  headers: Record<string, string>;
  /** Absent for an answer without one. */
  body?: ResponseBody;
}

/**
 * A registry without sockets. Authentication, faults and logging are handlers that wrap a handler.
 *
 * Every request is answered, also the wrong ones; it rejects only when the request's own body failed, because then nobody
 * is left to read an answer.
 */
export interface RegistryHandler {
  /** One request, one answer. @throws what the body of the request fails with */
  handle(request: RegistryRequest): Promise<RegistryResponse>;
}

/** A request whose path was understood. */
export interface RoutedRequest extends RegistryRequest {
  repository: string;
  /** What stands last in the path: a tag, a digest or an upload's id; empty where the endpoint has none. */
  reference: string;
  query: URLSearchParams;
}

export function bodyOf(bytes: Buffer): ResponseBody {
  return { size: bytes.length, open: () => streamOf(bytes) };
}

export function jsonResponse(
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
  contentType = 'application/json',
): RegistryResponse {
  return {
    status,
    headers: { ...headers, 'content-type': contentType },
    body: bodyOf(Buffer.from(JSON.stringify(value))),
  };
}

/** The chunks of a body. Stopping early leaves the body open, so that an answer can still go out on its connection. */
export function chunksOf(body: Readable): AsyncIterable<Buffer> {
  return body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
}
