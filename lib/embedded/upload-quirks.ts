import type { RegistryHandler, RegistryResponse } from './message.js';
import { ask, type Quirk, type QuirkRequest, refusing, without, withQuery } from './quirk.js';
import { Refusal } from './registry-error.js';

/** distribution 2.8, registry/handlers/blobupload.go: a chunk is appended wherever it says it belongs. */
export const contentRangeIgnored: Quirk = (request, next) =>
  isChunk(request)
    ? next.handle({ ...request, headers: without(request.headers, 'content-range') })
    : next.handle(request);

/**
 * distribution signs how far an upload was into its Location, and a Location that is behind is stale. 3.x refuses it with 416
 * and tells the newest one to GET (registry/handlers/blobupload.go); 2.8 refuses GET, too, and with 404, so that an upload
 * whose connection broke cannot be taken up again (distribution/distribution#2593).
 */
export function staleLocations(version: '2.8' | '3'): Quirk {
  return async (request, next) => {
    const { endpoint } = request.route;
    if (endpoint !== 'uploads' && endpoint !== 'upload') return next.handle(request);
    const state = request.query.get('_state');
    const plain = withQuery(request, (query) => query.delete('_state'));
    const isChecked = version === '2.8' || !['GET', 'HEAD'].includes(request.method);
    if (state !== null && isChecked) await assertFresh(plain, state, next, version);
    return signed(await next.handle(plain));
  };
}

async function assertFresh(
  request: QuirkRequest,
  state: string,
  next: RegistryHandler,
  version: '2.8' | '3',
): Promise<void> {
  const [path = ''] = request.target.split('?', 1);
  const { status, headers } = await ask(next, 'GET', path);
  if (status !== 204 || headers.range === state) return;
  const message = 'the upload is further than this Location';
  if (version === '3') throw new Refusal('RANGE_INVALID', message);
  throw new Refusal('BLOB_UPLOAD_INVALID', message, { status: 404 });
}

function signed(answer: RegistryResponse): RegistryResponse {
  const { location, range } = answer.headers;
  if (location === undefined || range === undefined) return answer;
  return { ...answer, headers: { ...answer.headers, location: `${location}?_state=${encodeURIComponent(range)}` } };
}

/** ECR answers PATCH with 201 (regclient scheme/reg/blob.go). */
export const patchCreates: Quirk = async (request, next) => {
  const answer = await next.handle(request);
  return request.method === 'PATCH' && answer.status === 202 ? { ...answer, status: 201 } : answer;
};

/** ECR stores every chunk, and goes on saying that it has the first one only (aws/containers-roadmap#2831, as corrected there). */
export function rangeStandsStill(): Quirk {
  const first = new Map<string, string>();
  return async (request, next) => {
    const { endpoint, reference } = request.route;
    const answer = await next.handle(request);
    const { range } = answer.headers;
    if (endpoint !== 'upload') return answer;
    if (request.method === 'PUT' || request.method === 'DELETE') first.delete(reference);
    if (range === undefined) return answer;
    if (isChunk(request) && answer.status < 300 && !first.has(reference)) first.set(reference, range);
    return { ...answer, headers: { ...answer.headers, range: first.get(reference) ?? range } };
  };
}

/** GHCR refuses chunks beyond a size, though no stream without Content-Range (ocx-sh/ocx#237). */
export function chunksUpTo(limit: number): Quirk {
  const isTooLong = (request: QuirkRequest): boolean =>
    isChunk(request) && Number(request.headers['content-length'] ?? 0) > limit;
  const message = `request body is too large and exceeds the maximum of ${limit} bytes`;
  return refusing(isTooLong, () => new Refusal('BLOB_UPLOAD_INVALID', message, { status: 416 }));
}

/** Google takes a blob whole or as one stream (dotnet/sdk-container-builds#287); the status is not documented. */
export const withoutChunks: Quirk = refusing(
  isChunk,
  () => new Refusal('UNSUPPORTED', 'chunked uploads are not supported'),
);

function isChunk({ method, route, headers }: QuirkRequest): boolean {
  return method === 'PATCH' && route.endpoint === 'upload' && headers['content-range'] !== undefined;
}

/** distribution 2.8, registry/handlers/blobupload.go: every POST starts an upload, unless it says where to mount from. */
export const postOnlyStarts: Quirk = (request, next) => {
  if (request.route.endpoint !== 'uploads') return next.handle(request);
  const ignored = request.query.has('from') ? ['digest'] : ['digest', 'mount'];
  return next.handle(withQuery(request, (query) => ignored.forEach((name) => query.delete(name))));
};
