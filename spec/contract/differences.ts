import { digestOf } from '../../lib/oci/digest.js';
import { type Answer, type Caller, DOCKER_MANIFEST, imageOf, indexOf, jsonOf, OCI_INDEX, outcomeOf } from './caller.js';

/** What stands behind the contract: something that follows the spec, or distribution 2.8 with its own ways. */
export type RegistryKind = 'spec' | 'distribution 2.8';

/** One request that the registries answer differently. */
export interface Difference extends Readonly<Record<RegistryKind, string>> {
  what: string;
  reason: string;
  /** Asks in a repository of its own. @returns what came back, in words */
  ask(caller: Caller, repository: string): Promise<string>;
}

/**
 * Every known difference between a registry that follows the distribution spec v1.1, as the embedded one, and distribution
 * 2.8, which most people call "the registry" and which is older than that spec. The contract asks both; an answer that is in
 * neither column fails it.
 */
export const DIFFERENCES: readonly Difference[] = [
  {
    what: 'a chunk out of order',
    spec: '416 RANGE_INVALID',
    'distribution 2.8': '202',
    reason: '2.8 ignores Content-Range ("TODO support Content-Range"), so that only the digest shows what went wrong',
    async ask(caller, repository) {
      const headers = { 'content-range': '5-9' };
      return outcome(await caller.call('PATCH', await caller.startUpload(repository), { headers, body: 'later' }));
    },
  },
  {
    what: 'a whole blob in the POST',
    spec: '201',
    'distribution 2.8': '202',
    reason: 'end-4b is newer; an answer of 202 means the client goes on with a PUT',
    async ask(caller, repository) {
      const path = `/v2/${repository}/blobs/uploads/?digest=${digestOf('whole')}`;
      return outcome(await caller.call('POST', path, { body: 'whole' }));
    },
  },
  {
    what: 'a mount that names no repository to mount from',
    spec: '201',
    'distribution 2.8': '202',
    reason: 'the spec leaves it to the registry; 2.8 looks nowhere but into the repository that is named',
    async ask(caller, repository) {
      const digest = await caller.pushBlob(`${repository}/source`, `anywhere in ${repository}`);
      return outcome(await caller.call('POST', `/v2/${repository}/blobs/uploads/?mount=${digest}`));
    },
  },
  {
    what: 'a page of tags',
    spec: '2 of 3, and a link to the next page',
    'distribution 2.8': '3 of 3',
    reason: 'pages of tags came with distribution 3',
    async ask(caller, repository) {
      for (const tag of ['a', 'b', 'c']) await caller.pushImage(repository, tag);
      const answer = await caller.call('GET', `/v2/${repository}/tags/list?n=2`);
      const link = answer.headers.link === undefined ? '' : ', and a link to the next page';
      return `${jsonOf<{ tags: string[] }>(answer).tags.length} of 3${link}`;
    },
  },
  {
    what: 'the deletion of a tag alone',
    spec: '202',
    'distribution 2.8': '400 DIGEST_INVALID',
    reason: '2.8 deletes manifests by digest only',
    async ask(caller, repository) {
      await caller.pushImage(repository, 'v1');
      return outcome(await caller.call('DELETE', `/v2/${repository}/manifests/v1`));
    },
  },
  {
    what: 'a manifest with a subject',
    spec: 'OCI-Subject',
    'distribution 2.8': 'no OCI-Subject',
    reason: 'referrers came with v1.1 of the spec; without the header the client keeps an index under a tag',
    async ask(caller, repository) {
      const { descriptor } = await caller.pushImage(repository, 'v1');
      const answer = await caller.putManifest(repository, 'note', {
        ...imageOf('{"seed":"image"}'),
        subject: descriptor,
      });
      return answer.headers['oci-subject'] === descriptor.digest ? 'OCI-Subject' : 'no OCI-Subject';
    },
  },
  {
    what: 'the referrers of a manifest',
    spec: '200',
    'distribution 2.8': '404',
    reason: 'the endpoint came with v1.1 of the spec; 404 sends the client to the tag',
    async ask(caller, repository) {
      const { digest } = await caller.pushImage(repository, 'v1');
      return outcome(await caller.call('GET', `/v2/${repository}/referrers/${digest}`));
    },
  },
  {
    what: 'a manifest beyond 4 MiB',
    spec: '413 MANIFEST_INVALID',
    'distribution 2.8': '400 MANIFEST_INVALID',
    reason: 'the status came with v1.1 of the spec; the limit is the same',
    async ask(caller, repository) {
      const annotations = { filler: 'x'.repeat(4 * 1024 * 1024) };
      return outcome(await caller.putManifest(repository, 'large', { ...indexOf(OCI_INDEX), annotations }));
    },
  },
  {
    what: 'a manifest under a sha512 digest',
    spec: '201',
    'distribution 2.8': '400 DIGEST_INVALID',
    reason: '2.8 computes sha256 whatever it is asked for',
    async ask(caller, repository) {
      await caller.pushBlob(repository, '{}');
      const manifest = imageOf('{}');
      return outcome(await caller.putManifest(repository, digestOf(JSON.stringify(manifest), 'sha512'), manifest));
    },
  },
  {
    what: 'an OCI image for a client that accepts anything, but names no OCI type',
    spec: '200, then 200',
    'distribution 2.8': '404 MANIFEST_UNKNOWN, then 404 MANIFEST_UNKNOWN',
    reason: '2.8 and 3 hide the types that an older Docker would not understand; most others give what they have',
    async ask(caller, repository) {
      const { digest } = await caller.pushImage(repository, 'v1');
      const answers = ['v1', digest].map(async (reference) => {
        const headers = { accept: `${DOCKER_MANIFEST}, */*` };
        return outcome(await caller.call('GET', `/v2/${repository}/manifests/${reference}`, { headers }));
      });
      return (await Promise.all(answers)).join(', then ');
    },
  },
  {
    what: 'a range beyond the end of a blob',
    spec: '416 RANGE_INVALID',
    'distribution 2.8': 'an answer that breaks off',
    reason: '2.8 announces the length of the blob, and then sends the text of an error',
    async ask(caller, repository) {
      const path = `/v2/${repository}/blobs/${await caller.pushBlob(repository, '0123456789')}`;
      const answer = caller.call('GET', path, { headers: { range: 'bytes=10-' } });
      return answer.then(outcome, () => 'an answer that breaks off');
    },
  },
];

/** The status, and the code of an error that has one: `416 RANGE_INVALID`. */
function outcome(answer: Answer): string {
  const isError = answer.status >= 400 && /json/.test(answer.headers['content-type'] ?? '');
  return isError ? outcomeOf(answer) : String(answer.status);
}
