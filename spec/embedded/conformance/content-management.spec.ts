import { describe, expect, it } from '@jest/globals';
import { digestOf } from '../../../lib/oci/digest.js';
import { indexOf, jsonOf, OCI_INDEX, outcomeOf } from '../../contract/caller.js';
import { describeSection } from './describe-section.js';

describeSection('Content Management', (section) => {
  const statusOf = async (method: string, path: string): Promise<number> => (await section.ask(method, path)).status;

  describe('Deleting tags', () => {
    it('removes the tag and nothing else, at once', async () => {
      const { digest } = await section.caller.pushImage(section.repository, 'v1');
      await section.caller.pushImage(section.repository, 'v2');
      expect(await statusOf('DELETE', 'manifests/v1')).toBe(202);
      expect(await statusOf('HEAD', 'manifests/v1')).toBe(404);
      expect(await statusOf('GET', 'manifests/v1')).toBe(404);
      expect([await statusOf('GET', 'manifests/v2'), await statusOf('GET', `manifests/${digest}`)]).toEqual([200, 200]);
      expect(jsonOf(await section.ask('GET', 'tags/list'))).toMatchObject({ tags: ['v2'] });
    });

    it('is answered 404 when there is none', async () => {
      await section.caller.pushImage(section.repository, 'v1');
      expect(outcomeOf(await section.ask('DELETE', 'manifests/v2'))).toBe('404 MANIFEST_UNKNOWN');
    });
  });

  describe('Deleting Manifests', () => {
    it('removes the manifest with its tags, at once, and leaves the blobs', async () => {
      const { digest } = await section.caller.pushImage(section.repository, 'v1');
      expect(await statusOf('DELETE', `manifests/${digest}`)).toBe(202);
      expect([await statusOf('GET', `manifests/${digest}`), await statusOf('HEAD', 'manifests/v1')]).toEqual([
        404, 404,
      ]);
      expect(jsonOf(await section.ask('GET', 'tags/list'))).toMatchObject({ tags: [] });
      expect(await statusOf('HEAD', `blobs/${digestOf('layer of image')}`)).toBe(200);
    });

    it('may come after what names it, or before', async () => {
      const { caller, repository } = section;
      const child = await caller.pushImage(repository, 'v1');
      const index = await caller.pushManifest(repository, 'all', indexOf(OCI_INDEX, child));
      expect(await statusOf('DELETE', `manifests/${child.digest}`)).toBe(202);
      expect(await statusOf('GET', 'manifests/all')).toBe(200);
      expect(await statusOf('DELETE', `manifests/${index.digest}`)).toBe(202);
      expect(await statusOf('GET', 'manifests/all')).toBe(404);
    });

    it('works under sha512', async () => {
      const text = JSON.stringify(indexOf(OCI_INDEX));
      const path = `manifests/${digestOf(text, 'sha512')}`;
      await section.ask('PUT', path, { headers: { 'content-type': OCI_INDEX }, body: text });
      expect([await statusOf('DELETE', path), await statusOf('HEAD', path)]).toEqual([202, 404]);
    });

    it('is answered 404 when it is not there, any more or at all', async () => {
      const { digest } = await section.caller.pushImage(section.repository, 'v1');
      await section.ask('DELETE', `manifests/${digest}`);
      expect(outcomeOf(await section.ask('DELETE', `manifests/${digest}`))).toBe('404 MANIFEST_UNKNOWN');
    });

    it('can be undone by another push', async () => {
      const { digest } = await section.caller.pushImage(section.repository, 'v1');
      await section.ask('DELETE', `manifests/${digest}`);
      await section.caller.pushImage(section.repository, 'v1');
      expect(await statusOf('GET', `manifests/${digest}`)).toBe(200);
    });
  });

  describe('Deleting Blobs', () => {
    it.each(['sha256', 'sha512'] as const)('removes the blob under %s, at once', async (algorithm) => {
      const digest = digestOf('content', algorithm);
      const start = await section.caller.startUpload(section.repository);
      await section.caller.call('PUT', `${start}?digest=${digest}`, { body: 'content' });
      expect(await statusOf('DELETE', `blobs/${digest}`)).toBe(202);
      expect([await statusOf('HEAD', `blobs/${digest}`), await statusOf('GET', `blobs/${digest}`)]).toEqual([404, 404]);
      expect(outcomeOf(await section.ask('DELETE', `blobs/${digest}`))).toBe('404 BLOB_UNKNOWN');
    });

    it('leaves the blob to other repositories', async () => {
      const digest = await section.caller.pushBlob(section.repository, 'content');
      await section.caller.pushBlob(section.other, 'content');
      expect(await statusOf('DELETE', `blobs/${digest}`)).toBe(202);
      const elsewhere = await section.caller.call('GET', `/v2/${section.other}/blobs/${digest}`);
      expect(elsewhere.body.toString()).toBe('content');
    });
  });
});
