import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { digestOf } from '../../lib/oci/digest.js';
import { uniqueRepository } from '../support/unique.js';
import { Caller, imageOf, jsonOf, withDigest } from './caller.js';
import type { RegistryUnderTest } from './describe-registry.js';

/** Where distribution 2.8 differs from the spec: run for the real one, and for what stands in for it. */
export function describeDistribution28(name: string, start: () => Promise<RegistryUnderTest>): void {
  describe(`${name} as distribution 2.8`, () => {
    let registry: RegistryUnderTest;
    let caller: Caller;
    let repository: string;

    beforeAll(async () => {
      registry = await start();
      caller = new Caller(registry.transport, registry.url);
    });

    afterAll(() => registry.stop());

    beforeEach(() => {
      repository = uniqueRepository('distribution');
    });

    it('has no referrers, and does not say it took notice of a subject', async () => {
      const { digest, descriptor } = await caller.pushImage(repository, '1');
      const manifest = { ...imageOf('{"seed":"image"}'), subject: descriptor };
      const pushed = await caller.putManifest(repository, '2', manifest);
      expect([pushed.status, pushed.headers['oci-subject']]).toEqual([201, undefined]);
      expect((await caller.call('GET', `/v2/${repository}/referrers/${digest}`)).status).toBe(404);
    });

    it('deletes by digest only', async () => {
      const { digest } = await caller.pushImage(repository, '1');
      const path = `/v2/${repository}/manifests`;
      const refused = await caller.call('DELETE', `${path}/1`);
      expect([refused.status, jsonOf(refused)]).toMatchObject([400, { errors: [{ code: 'DIGEST_INVALID' }] }]);
      expect((await caller.call('DELETE', `${path}/${digest}`)).status).toBe(202);
    });

    it('sends all tags at once, and null when none is left', async () => {
      const { digest } = await caller.pushImage(repository, '1');
      await caller.pushImage(repository, '2');
      const path = `/v2/${repository}/tags/list`;
      const answer = await caller.call('GET', `${path}?n=1&last=1`);
      // In any order: that of the folder.
      expect([...jsonOf<{ tags: string[] }>(answer).tags].sort()).toEqual(['1', '2']);
      expect(answer.headers.link).toBeUndefined();
      await caller.call('DELETE', `/v2/${repository}/manifests/${digest}`);
      expect(jsonOf(await caller.call('GET', path))).toEqual({ name: repository, tags: null });
    });

    it('refuses pages of more than 1000 repositories', async () => {
      const refused = await caller.call('GET', '/v2/_catalog?n=1001');
      expect([refused.status, jsonOf(refused)]).toMatchObject([
        400,
        { errors: [{ code: 'PAGINATION_NUMBER_INVALID' }] },
      ]);
      expect((await caller.call('GET', '/v2/_catalog?n=1000')).status).toBe(200);
    });

    it.each(['GET', 'PATCH', 'PUT', 'DELETE'])('does not know an old Location, for %s either', async (method) => {
      const old = await caller.startUpload(repository);
      const { headers } = await caller.call('PATCH', old, { body: 'content' });
      const location = method === 'PUT' ? withDigest(old, digestOf('content')) : old;
      const refused = await caller.call(method, location);
      expect([refused.status, jsonOf(refused)]).toMatchObject([404, { errors: [{ code: 'BLOB_UPLOAD_INVALID' }] }]);
      expect((await caller.call('GET', headers.location!)).status).toBe(204);
    });

    it('appends a chunk wherever it says it belongs', async () => {
      const old = await caller.startUpload(repository);
      const first = await caller.call('PATCH', old, { headers: { 'content-range': '0-2' }, body: 'one' });
      const second = await caller.call('PATCH', first.headers.location!, {
        headers: { 'content-range': '77-79' },
        body: 'two',
      });
      expect([second.status, second.headers.range]).toEqual([202, '0-5']);
    });
  });
}
