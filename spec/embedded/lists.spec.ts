import { beforeEach, describe, expect, it } from '@jest/globals';
import { EmbeddedTransport } from '../../lib/embedded/embedded-transport.js';
import { digestOf } from '../../lib/oci/digest.js';
import { Caller, descriptorOf, indexOf, jsonOf, OCI_INDEX, OCI_MANIFEST, outcomeOf } from '../contract/caller.js';

describe('ListRoutes', () => {
  let caller: Caller;

  beforeEach(() => {
    caller = new Caller(new EmbeddedTransport());
  });

  const json = async (path: string) => jsonOf(await caller.call('GET', path));

  describe('tags', () => {
    beforeEach(async () => {
      for (const tag of ['v2', 'latest', 'v10', 'V1']) await caller.pushImage('team/app', tag);
    });

    it('are sorted as ASCII is', async () => {
      expect(await json('/v2/team/app/tags/list')).toEqual({ name: 'team/app', tags: ['V1', 'latest', 'v10', 'v2'] });
    });

    it('come in pages', async () => {
      const first = await caller.call('GET', '/v2/team/app/tags/list?n=3');
      expect(jsonOf(first).tags).toEqual(['V1', 'latest', 'v10']);
      expect(first.headers.link).toBe('</v2/team/app/tags/list?n=3&last=v10>; rel="next"');
      const second = await caller.call('GET', '/v2/team/app/tags/list?n=3&last=v10');
      expect([jsonOf(second).tags, second.headers.link]).toEqual([['v2'], undefined]);
    });

    it('are none for n=0', async () => {
      const answer = await caller.call('GET', '/v2/team/app/tags/list?n=0');
      expect([jsonOf(answer).tags, answer.headers.link]).toEqual([[], undefined]);
    });

    it('refuse an n that is no number', async () => {
      const answer = await caller.call('GET', '/v2/team/app/tags/list?n=all');
      expect(outcomeOf(answer)).toBe('400 PAGINATION_NUMBER_INVALID');
    });

    it('are an empty list in a repository with nothing but a blob', async () => {
      const digest = await caller.pushBlob('blobs-only', 'content');
      expect(await json('/v2/blobs-only/tags/list')).toEqual({ name: 'blobs-only', tags: [] });
      await caller.call('DELETE', `/v2/blobs-only/blobs/${digest}`);
      expect(outcomeOf(await caller.call('GET', '/v2/blobs-only/tags/list'))).toBe('404 NAME_UNKNOWN');
    });
  });

  describe('the catalog', () => {
    it('is empty at first', async () => {
      expect(await json('/v2/_catalog')).toEqual({ repositories: [] });
    });

    it('has the repositories with a manifest or a blob, sorted, in pages', async () => {
      await caller.pushBlob('b', 'content');
      await caller.pushImage('a/b', 'v1');
      await caller.pushImage('c', 'v1');
      await caller.startUpload('not-yet');
      expect(await json('/v2/_catalog')).toEqual({ repositories: ['a/b', 'b', 'c'] });
      const page = await caller.call('GET', '/v2/_catalog?n=1');
      expect(page.headers.link).toBe('</v2/_catalog?n=1&last=a%2Fb>; rel="next"');
      expect(await json('/v2/_catalog?n=5&last=a%2Fb')).toEqual({ repositories: ['b', 'c'] });
    });
  });

  describe('referrers', () => {
    const subject = descriptorOf(OCI_MANIFEST, 'need not be there');
    const path = `/v2/app/referrers/${subject.digest}`;

    it('have the type of their config, and indexes none, where the type they name is empty', async () => {
      await caller.pushImage('app', 'note', { subject, artifactType: '' });
      await caller.pushManifest('app', 'list', { ...indexOf(OCI_INDEX), subject, artifactType: '' });
      const { manifests } = jsonOf<{ manifests: object[] }>(await caller.call('GET', path));
      expect(manifests[0]).toMatchObject({ artifactType: 'application/vnd.oci.image.config.v1+json' });
      expect(manifests[1]).not.toHaveProperty('artifactType');
    });

    it('are an empty index where there are none, even without the repository', async () => {
      const answer = await caller.call('GET', `/v2/nobody/referrers/${subject.digest}`);
      expect([answer.status, answer.headers['content-type']]).toEqual([200, OCI_INDEX]);
      expect(jsonOf(answer)).toEqual({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] });
      expect(answer.headers).not.toHaveProperty('oci-filters-applied');
    });

    it('are described with type and annotations', async () => {
      const annotations = { note: 'yes' };
      const image = await caller.pushImage('app', 'image', { subject });
      const note = await caller.pushImage('app', 'note', { subject, artifactType: 'text/x.note', annotations });
      const list = await caller.pushManifest('app', 'list', { ...indexOf(OCI_INDEX), subject });
      const typed = await caller.pushManifest('app', 'typed', {
        ...indexOf(OCI_INDEX),
        subject,
        artifactType: 'text/x.list',
      });
      expect((await json(path)).manifests).toEqual([
        { ...image.descriptor, artifactType: 'application/vnd.oci.image.config.v1+json' },
        { ...note.descriptor, artifactType: 'text/x.note', annotations },
        list.descriptor,
        { ...typed.descriptor, artifactType: 'text/x.list' },
      ]);
    });

    it('are filtered by type, and the answer says so', async () => {
      await caller.pushImage('app', 'image', { subject });
      const note = await caller.pushImage('app', 'note', { subject, artifactType: 'text/x.note+json' });
      const answer = await caller.call('GET', `${path}?artifactType=${encodeURIComponent('text/x.note+json')}`);
      expect(answer.headers['oci-filters-applied']).toBe('artifactType');
      expect(jsonOf<{ manifests: { digest: string }[] }>(answer).manifests.map(({ digest }) => digest)).toEqual([
        note.digest,
      ]);
    });

    it('go when they are deleted', async () => {
      const { digest } = await caller.pushImage('app', 'note', { subject });
      await caller.call('DELETE', `/v2/app/manifests/${digest}`);
      expect((await json(path)).manifests).toEqual([]);
    });

    it('refuse what is no digest', async () => {
      expect(outcomeOf(await caller.call('GET', '/v2/app/referrers/v1'))).toBe('400 DIGEST_INVALID');
      expect((await caller.call('GET', `/v2/app/referrers/${encodeURIComponent(digestOf(''))}`)).status).toBe(200);
    });
  });
});
