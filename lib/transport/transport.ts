import type { Readable } from 'node:stream';

/** A request body is something you open, never a live stream: whoever must send again opens again. */
export interface RequestBody {
  /** Bytes. Absent means unknown: the body goes out with chunked transfer encoding. */
  size?: number;
  /** A fresh stream over the same bytes at every call. */
  open(): Readable | Promise<Readable>;
}

/** One HTTP request. */
export interface TransportRequest {
  /** `GET`, `PUT` and so on, in capitals. */
  method: string;
  /** Absolute, without user information. */
  url: URL;
  /** Lower-case names. */
  headers: Readonly<Record<string, string>>;
  /** Default: none. */
  body?: RequestBody;
  /** Ends the request, which rejects with its reason. Default: nothing does. */
  signal?: AbortSignal | undefined;
  /**
   * What a token for this request should cover, for example `repository:team/app:pull,push`. A push names all it will
   * need on its first request, so that one token serves it. Transports that know no tokens ignore it.
   */
  scopes?: readonly string[];
  /**
   * Whether sending the request again after an unclear end does no harm. Default: every method but PATCH. The last PUT of
   * an upload says `false`, because its session may be gone with the first try.
   */
  repeatable?: boolean;
  /**
   * Bytes. An answer is of use as a whole only, and has no more: one that breaks off is asked for again. Transports that
   * repeat nothing ignore it.
   */
  wholeUpTo?: number;
  /**
   * Whether an abort leaves the answer to a request that is out already a moment (1.2 s) to come, and `send` then resolves with it:
   * what a server opens for us only its answer names, and only who knows it can give it back. Default `false`. Transports that do
   * not know this reject at once, as for every other request.
   */
  lingers?: boolean;
}

/** Milliseconds after an abort. Together with giving back what was opened it must fit into the 3 s that people wait. */
export const LINGER = 1200;

/** One HTTP answer, whatever its status. */
export interface TransportResponse {
  /** HTTP status; none of them is an error here. */
  status: number;
  /** Where the answer came from, after redirects. */
  url: URL;
  /** Lower-case names; repeated headers are joined by `, `. */
  headers: Readonly<Record<string, string>>;
  /** Must be read to its end or destroyed, or the connection stays in use. */
  body: Readable;
}

/**
 * Sends one request and judges nothing: every status is an answer. It rejects only when no answer came
 * (a `RegistryError` without `status`) or when the signal was aborted (with the signal's reason; see `lingers` for the exception).
 * With an aborted signal it sends nothing.
 *
 * A transport that wraps another adds one behaviour: redirects, credentials, retries, logging.
 */
export interface Transport {
  /** @throws RegistryError without a `status` when no answer came; the signal's reason; whatever the body fails with */
  send(request: TransportRequest): Promise<TransportResponse>;
  /** Releases connections. The transport is not used afterwards. */
  close?(): Promise<void>;
  /** Whether a server has asked to slow down in the last seconds; absent where nobody knows. */
  isThrottled?(): boolean;
}

/** Whether a request may be sent again when nobody knows what became of it. */
export function isRepeatable({ method, repeatable }: Pick<TransportRequest, 'method' | 'repeatable'>): boolean {
  return repeatable ?? method !== 'PATCH';
}
