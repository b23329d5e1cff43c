import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { digestOf } from '../../../lib/oci/digest.js';
import { imageOf, indexOf, OCI_INDEX, OCI_MANIFEST } from '../../contract/caller.js';
import { describeSection } from './describe-section.js';

describeSection('Pull', (section) => {
  describe('Pulling manifests', () => {
    it('is done by tag and by digest, with type, length and digest', async () => {
      const { digest, bytes } = await section.caller.pushImage(section.repository, 'v1');
      for (const reference of ['v1', digest]) {
        const { status, headers, body } = await section.ask('GET', `manifests/${reference}`);
        expect([status, body.equals(bytes)]).toEqual([200, true]);
        expect(headers).toMatchObject({
          'content-type': OCI_MANIFEST,
          'content-length': String(bytes.length),
          'docker-content-digest': digest,
        });
      }
    });

    it('is done with the type of the manifest whatever the client accepts', async () => {
      const { caller, repository } = section;
      await caller.pushManifest(repository, 'all', indexOf(OCI_INDEX, await caller.pushImage(repository, 'v1')));
      const headers = { accept: 'application/vnd.docker.distribution.manifest.v2+json' };
      expect((await section.ask('GET', 'manifests/all', { headers })).headers['content-type']).toBe(OCI_INDEX);
    });

    it.each([
      ['a tag that is not there', 'missing'],
      ['a digest that is not there', digestOf('missing')],
      ['what can be no tag', '.INVALID_MANIFEST_NAME'],
    ])('is answered 404 for %s', async (_, reference) => {
      await section.caller.pushImage(section.repository, 'v1');
      expect((await section.ask('GET', `manifests/${reference}`)).status).toBe(404);
      expect((await section.ask('HEAD', `manifests/${reference}`)).status).toBe(404);
    });

    it('is refused for what can be no digest', async () => {
      expect((await section.ask('GET', 'manifests/sha256:baddigeststring')).status).toBe(400);
    });
  });

  describe('Pulling blobs', () => {
    const content = randomBytes(2048);
    const path = `blobs/${digestOf(content)}`;

    it('gives the bytes, their length and their digest', async () => {
      const digest = await section.caller.pushBlob(section.repository, content);
      const { status, headers, body } = await section.ask('GET', path);
      expect([status, body.equals(content)]).toEqual([200, true]);
      expect(headers).toMatchObject({ 'content-length': '2048', 'docker-content-digest': digest });
    });

    it('is answered 404 for what is not there, or in another repository only', async () => {
      await section.caller.pushBlob(section.other, content);
      expect((await section.ask('GET', path)).status).toBe(404);
    });

    it.each([
      ['bytes=500-1499', 500, 1499],
      ['bytes=500-', 500, 2047],
      ['bytes=-500', 1548, 2047],
      ['bytes=2000-5000', 2000, 2047],
      ['bytes=0-0', 0, 0],
      ['bytes=-5000', 0, 2047],
    ])('gives the part %s', async (range, start, end) => {
      await section.caller.pushBlob(section.repository, content);
      const { status, headers, body } = await section.ask('GET', path, { headers: { range } });
      expect([status, body.equals(content.subarray(start, end + 1))]).toEqual([206, true]);
      expect(headers).toMatchObject({
        'content-range': `bytes ${start}-${end}/2048`,
        'content-length': String(end - start + 1),
      });
    });

    it.each(['bytes=500-0', 'bytes=5000-10000', 'bytes=2048-', 'bytes=-0'])('has no part %s', async (range) => {
      await section.caller.pushBlob(section.repository, content);
      const { status, headers } = await section.ask('GET', path, { headers: { range } });
      expect([status, headers['content-range']]).toEqual([416, 'bytes */2048']);
    });

    it.each(['bytes=0-1,5-6', 'lines=1-2', 'bytes', 'bytes=a-b'])('gives all of it for %s', async (range) => {
      await section.caller.pushBlob(section.repository, content);
      const { status, body } = await section.ask('GET', path, { headers: { range } });
      expect([status, body.equals(content)]).toEqual([200, true]);
    });

    it.each(['', '{}'])('gives the well-known content %j', async (known) => {
      const digest = await section.caller.pushBlob(section.repository, known);
      const { status, headers, body } = await section.ask('GET', `blobs/${digest}`);
      expect([status, headers['content-length'], body.toString()]).toEqual([200, String(known.length), known]);
    });
  });

  describe('Checking if content exists in the registry', () => {
    it('says of a blob what GET says, without the bytes', async () => {
      const digest = await section.caller.pushBlob(section.repository, 'content');
      const { status, headers, body } = await section.ask('HEAD', `blobs/${digest}`);
      expect([status, body.length]).toEqual([200, 0]);
      expect(headers).toMatchObject({ 'content-length': '7', 'docker-content-digest': digest });
    });

    it('says of a manifest what GET says, without the bytes', async () => {
      const { digest, bytes } = await section.caller.pushImage(section.repository, 'v1');
      for (const reference of ['v1', digest]) {
        const { status, headers, body } = await section.ask('HEAD', `manifests/${reference}`);
        expect([status, body.length]).toEqual([200, 0]);
        expect(headers).toMatchObject({
          'content-type': OCI_MANIFEST,
          'content-length': String(bytes.length),
          'docker-content-digest': digest,
        });
      }
    });

    it('is answered 404 for what is not there', async () => {
      const digest = digestOf('missing');
      expect((await section.ask('HEAD', `blobs/${digest}`)).status).toBe(404);
      expect((await section.ask('HEAD', `manifests/${digest}`)).status).toBe(404);
      expect((await section.ask('HEAD', 'manifests/missing')).status).toBe(404);
    });

    it('does not take a manifest for a blob', async () => {
      await section.caller.pushBlob(section.repository, '{}');
      const { digest } = await section.caller.pushManifest(section.repository, 'v1', imageOf('{}'));
      expect((await section.ask('HEAD', `blobs/${digest}`)).status).toBe(404);
    });
  });
});
