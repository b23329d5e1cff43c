import { streamOf } from '../oci/byte-stream.js';
import { bareMediaType, MediaType } from '../oci/media-types.js';
import { deletesManifest } from './list-quirks.js';
import { readManifest } from './manifests.js';
import { ask, jsonOf, type Quirk, refusing } from './quirk.js';
import { Refusal } from './registry-error.js';

/** distribution 2.8, registry/handlers/manifests.go: what is deleted must have a digest (distribution/distribution#1579). */
export const tagsStay: Quirk = refusing(
  (request) => deletesManifest(request, 'tag'),
  () => new Refusal('DIGEST_INVALID', 'a manifest is deleted by its digest'),
);

/** Docker Hub and GHCR delete through another API (docker/hub-feedback#1759, containers/skopeo#1880). */
export const withoutDelete: Quirk = refusing(
  (request) => deletesManifest(request, 'either'),
  () => new Refusal('UNSUPPORTED', 'the operation is unsupported'),
);

/** Google deletes no manifest that has a tag. */
export const tagsFirst: Quirk = async (request, next) => {
  const { repository, reference } = request.route;
  if (!deletesManifest(request, 'digest')) return next.handle(request);
  const list = await jsonOf<{ tags?: string[] }>(await ask(next, 'GET', `/v2/${repository}/tags/list`));
  for (const tag of list?.tags ?? []) {
    const { headers } = await ask(next, 'HEAD', `/v2/${repository}/manifests/${tag}`);
    if (headers['docker-content-digest'] !== reference) continue;
    throw new Refusal('GOOGLE_MANIFEST_DANGLING_TAG', `the manifest still has the tag ${tag}`, { status: 400 });
  }
  return next.handle(request);
};

/** ECR wants `mediaType` in the manifest itself (containers/image docker/docker_image_dest.go). */
export const mediaTypeRequired: Quirk = async (request, next) => {
  if (request.method !== 'PUT' || request.route.endpoint !== 'manifest') return next.handle(request);
  const bytes = await readManifest(request.body, Number(request.headers['content-length'] ?? 0));
  if (!hasMediaType(bytes)) throw new Refusal('UNSUPPORTED', 'Invalid JSON syntax');
  return next.handle({ ...request, body: streamOf(bytes) });
};

/** What is no JSON at all is for the registry to refuse. */
function hasMediaType(bytes: Buffer): boolean {
  try {
    return typeof (JSON.parse(bytes.toString()) as { mediaType?: unknown } | null)?.mediaType === 'string';
  } catch {
    return true;
  }
}

/**
 * distribution, registry/handlers/manifests.go: OCI manifests and indexes are only there for who names their type in Accept.
 * A star is not enough, and Docker's types are there for everybody.
 */
export const ociWhenAccepted: Quirk = async (request, next) => {
  const answer = await next.handle(request);
  const type = answer.headers['content-type'];
  if (request.route.endpoint !== 'manifest' || answer.status !== 200) return answer;
  if (type !== MediaType.ociManifest && type !== MediaType.ociIndex) return answer;
  if ((request.headers.accept ?? '').split(',').map(bareMediaType).includes(type)) return answer;
  throw new Refusal('MANIFEST_UNKNOWN', `there is an ${type}, which the request does not accept`);
};

/** distribution 2.8, registry/handlers/manifests.go: sha256 whatever is asked for, and 400 for whatever is too large. */
export const olderManifests: Quirk = async (request, next) => {
  if (request.method !== 'PUT' || request.route.endpoint !== 'manifest') return next.handle(request);
  if (/^sha512:/.test(request.route.reference)) throw new Refusal('DIGEST_INVALID', 'the digest is not a sha256');
  const answer = await next.handle(request);
  return answer.status === 413 ? { ...answer, status: 400 } : answer;
};
