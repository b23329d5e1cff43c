import { isDigest } from '../oci/digest.js';
import { jsonOf, type Quirk, type QuirkRequest, refusing, without, withJson, withQuery } from './quirk.js';
import { bodyOf, type RegistryResponse } from './message.js';
import { Refusal } from './registry-error.js';
import { seal } from './seal.js';

/** What Go's router says to a path it does not know. */
const NO_PAGE: RegistryResponse = {
  status: 404,
  headers: { 'content-type': 'text/plain; charset=utf-8' },
  body: bodyOf(Buffer.from('404 page not found\n')),
};

/** Neither distribution nor most registries built on it have the referrers API: clients fall back to the tag schema. */
export const withoutReferrers: Quirk = async (request, next) => {
  if (request.route.endpoint === 'referrers') return seal(request, NO_PAGE);
  const answer = await next.handle(request);
  return { ...answer, headers: without(answer.headers, 'oci-subject') };
};

/** distribution 2.8, registry/handlers/tags.go: all tags at once, whatever `n` says, and null where none is left. */
export const tagsAtOnce: Quirk = async (request, next) => {
  if (request.route.endpoint !== 'tags') return next.handle(request);
  const answer = await next.handle(withQuery(request, (query) => ['n', 'last'].forEach((name) => query.delete(name))));
  const list = answer.status === 200 ? await jsonOf<{ tags: string[] }>(answer) : undefined;
  return list?.tags.length === 0 ? withJson(answer, { ...list, tags: null }) : answer;
};

/** distribution, registry/handlers/catalog.go: 100 repositories unless asked for more. */
export const catalogInHundreds: Quirk = (request, next) => {
  const isUnbounded = request.route.endpoint === 'catalog' && !request.query.has('n');
  return next.handle(isUnbounded ? withQuery(request, (query) => query.set('n', '100')) : request);
};

/** @param limit - of `n`; more is answered with 400 */
export function pagesUpTo(limit: number, ...endpoints: readonly ('catalog' | 'tags')[]): Quirk {
  const isTooLong = ({ route, query }: QuirkRequest): boolean =>
    endpoints.some((endpoint) => endpoint === route.endpoint) && Number(query.get('n') ?? 0) > limit;
  return refusing(isTooLong, () => new Refusal('PAGINATION_NUMBER_INVALID', `n may be ${limit} at most`));
}

/** Registries shared by many users list no repositories. @param status - they differ in how they say so */
export function withoutCatalog(status: number): Quirk {
  return refusing(
    ({ route }) => route.endpoint === 'catalog',
    () => new Refusal('UNSUPPORTED', 'there is no catalog here', { status }),
  );
}

/** Google's list of tags tells more than the spec asks for (gcr.io: go-containerregistry pkg/v1/google/list.go). */
export const googleTagList: Quirk = async (request, next) => {
  const answer = await next.handle(request);
  if (request.route.endpoint !== 'tags' || answer.status !== 200) return answer;
  const list = await jsonOf<object>(answer);
  return list === undefined ? answer : withJson(answer, { child: [], manifest: {}, ...list });
};

/** Docker Hub counts GETs of manifests, and says with each how many are left (docker/hub-feedback#2040). */
export function pullLimit(limit: number, windowSeconds: number): Quirk {
  let left = limit;
  return async (request, next) => {
    if (request.route.endpoint !== 'manifest' || !['GET', 'HEAD'].includes(request.method)) return next.handle(request);
    const isCounted = request.method === 'GET';
    const headers = (): Record<string, string> => ({
      'ratelimit-limit': `${limit};w=${windowSeconds}`,
      'ratelimit-remaining': `${left};w=${windowSeconds}`,
      'docker-ratelimit-source': '192.0.2.1',
    });
    if (isCounted && left === 0) {
      throw new Refusal('TOOMANYREQUESTS', 'the pull rate limit is reached', { status: 429, headers: headers() });
    }
    if (isCounted) left -= 1;
    const answer = await next.handle(request);
    return { ...answer, headers: { ...answer.headers, ...headers() } };
  };
}

/** Whether a request deletes a manifest, or a tag. */
export function deletesManifest({ method, route }: QuirkRequest, by: 'tag' | 'digest' | 'either'): boolean {
  if (method !== 'DELETE' || route.endpoint !== 'manifest') return false;
  return by === 'either' || isDigest(route.reference) === (by === 'digest');
}
