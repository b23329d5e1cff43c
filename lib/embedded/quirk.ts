import { Readable } from 'node:stream';
import { json } from 'node:stream/consumers';
import { bodyOf, type RegistryHandler, type RegistryRequest, type RegistryResponse } from './message.js';
import type { Refusal } from './registry-error.js';
import type { Route } from './route.js';

/** A request whose path was understood. */
export interface QuirkRequest extends RegistryRequest {
  route: Route;
  query: URLSearchParams;
}

/** One way in which a registry differs from the spec: answers a request itself, or changes what goes in or comes out. */
export type Quirk = (request: QuirkRequest, next: RegistryHandler) => Promise<RegistryResponse>;

/** Asks the registry below something without a body. */
export function ask(next: RegistryHandler, method: string, target: string): Promise<RegistryResponse> {
  return next.handle({ method, target, headers: {}, body: Readable.from([]) });
}

/** The JSON of an answer; undefined where it has no body. */
export async function jsonOf<T>({ body }: RegistryResponse): Promise<T | undefined> {
  return body === undefined ? undefined : ((await json(await body.open())) as T);
}

/** The answer with other JSON in it. */
export function withJson(answer: RegistryResponse, value: unknown): RegistryResponse {
  const body = bodyOf(Buffer.from(JSON.stringify(value)));
  return { ...answer, headers: { ...answer.headers, 'content-length': String(body.size) }, body };
}

export function without(headers: Readonly<Record<string, string>>, name: string): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name));
}

/** The request with other parameters behind the path. */
export function withQuery(request: QuirkRequest, change: (query: URLSearchParams) => void): QuirkRequest {
  const query = new URLSearchParams(request.query);
  change(query);
  const [path] = request.target.split('?', 1);
  return { ...request, query, target: query.size === 0 ? `${path}` : `${path}?${query.toString()}` };
}

/** Refuses some requests. */
export function refusing(isRefused: (request: QuirkRequest) => boolean, refusal: () => Refusal): Quirk {
  return (request, next) => (isRefused(request) ? Promise.reject(refusal()) : next.handle(request));
}
