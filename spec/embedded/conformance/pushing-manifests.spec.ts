import { describe, expect, it } from '@jest/globals';
import { digestOf } from '../../../lib/oci/digest.js';
import {
  descriptorOf,
  DOCKER_LIST,
  DOCKER_MANIFEST,
  dockerImageOf,
  imageOf,
  indexOf,
  OCI_INDEX,
  OCI_MANIFEST,
  outcomeOf,
} from '../../contract/caller.js';
import { describeSection } from './describe-section.js';

const EMPTY = descriptorOf('application/vnd.oci.empty.v1+json', '{}');

describeSection('Pushing manifests', (section) => {
  /** Pushes under digest and tag, and expects to get the same back from where the answers say. */
  async function expectTaken(manifest: { mediaType: string }): Promise<void> {
    const bytes = JSON.stringify(manifest);
    const digest = digestOf(bytes);
    for (const reference of [digest, 'v1']) {
      const { status, headers } = await section.caller.putManifest(section.repository, reference, manifest);
      expect([status, headers['docker-content-digest']]).toEqual([201, digest]);
      const fetched = await section.caller.call('GET', headers.location ?? '');
      expect([fetched.headers['content-type'], fetched.body.toString()]).toEqual([manifest.mediaType, bytes]);
    }
  }

  const pushBlobs = async (...contents: readonly string[]): Promise<void> => {
    for (const content of contents) await section.caller.pushBlob(section.repository, content);
  };

  describe('takes', () => {
    it.each<[string, { mediaType: string }]>([
      ['an image', imageOf('{}', 'layer')],
      ['an image without layers', imageOf('{}')],
      ['an image of Docker', dockerImageOf('{}', 'layer')],
      ['an index without manifests', indexOf(OCI_INDEX)],
      ['an artifact', { ...imageOf('{}', 'layer'), artifactType: 'application/vnd.example', config: EMPTY } as never],
      [
        'an artifact without layers',
        { ...imageOf('{}'), artifactType: 'x/y', config: EMPTY, layers: [EMPTY] } as never,
      ],
      ['fields nobody knows', { ...imageOf('{}'), 'org.example.field': { kept: ['as', 'it', 'is'] } } as never],
      ['the content in a descriptor', { ...imageOf('{}'), config: { ...EMPTY, data: 'e30=' } } as never],
      ['large annotations', { ...imageOf('{}'), annotations: { a: 'A'.repeat(3_900_000) } } as never],
    ])('%s', async (_, manifest) => {
      await pushBlobs('{}', 'layer');
      await expectTaken(manifest);
    });

    it.each([OCI_INDEX, DOCKER_LIST])('an index %s of images, and of indexes', async (mediaType) => {
      const { caller, repository } = section;
      const images = [await caller.pushImage(repository, 'a'), await caller.pushImage(repository, 'b', {}, 'second')];
      await expectTaken(indexOf(mediaType, ...images));
      const inner = await caller.pushManifest(repository, 'inner', indexOf(mediaType, ...images));
      await expectTaken(indexOf(mediaType, inner));
    });

    it('layers that are to be had elsewhere only', async () => {
      await pushBlobs('{}', 'layer');
      const foreign = {
        ...descriptorOf('application/vnd.oci.image.layer.nondistributable.v1.tar+gzip', 'elsewhere'),
        urls: ['https://store.example.com/layer'],
      };
      const image = imageOf('{}', 'layer');
      await expectTaken({ ...image, layers: [foreign, ...image.layers] } as never);
    });

    it('sha512, with all that is in an index', async () => {
      const { caller, repository } = section;
      const long = (mediaType: string, content: string) => ({
        ...descriptorOf(mediaType, content),
        digest: digestOf(content, 'sha512'),
      });
      const start = await caller.startUpload(repository);
      await caller.call('PUT', `${start}?digest=${digestOf('{}', 'sha512')}`, { body: '{}' });
      const image = JSON.stringify({
        ...imageOf('{}'),
        config: long('application/vnd.oci.image.config.v1+json', '{}'),
      });
      const index = JSON.stringify({ ...indexOf(OCI_INDEX), manifests: [long(OCI_MANIFEST, image)] });
      for (const [mediaType, text] of [
        [OCI_MANIFEST, image],
        [OCI_INDEX, index],
      ] as const) {
        const path = `manifests/${digestOf(text, 'sha512')}`;
        const pushed = await section.ask('PUT', path, { headers: { 'content-type': mediaType }, body: text });
        expect([pushed.status, pushed.headers.location]).toEqual([201, `/v2/${repository}/${path}`]);
        expect((await section.ask('GET', path)).body.toString()).toBe(text);
      }
    });

    it('the tags of its query, which is in no version of the spec yet', async () => {
      await pushBlobs('{}');
      const digest = digestOf(JSON.stringify(imageOf('{}')));
      const query = `${digest}?tag=v1&tag=latest`;
      const { headers } = await section.caller.putManifest(section.repository, query, imageOf('{}'));
      expect(headers['oci-tag']?.split(', ')).toEqual(['v1', 'latest']);
      for (const tag of ['v1', 'latest']) expect((await section.ask('HEAD', `manifests/${tag}`)).status).toBe(200);
    });
  });

  describe('refuses', () => {
    it('what does not have its digest', async () => {
      await pushBlobs('{}');
      const answer = await section.caller.putManifest(section.repository, digestOf('other'), imageOf('{}'));
      expect(outcomeOf(answer)).toBe('400 DIGEST_INVALID');
      expect((await section.ask('HEAD', `manifests/${digestOf('other')}`)).status).toBe(404);
    });

    it.each([
      ['sha256:baddigeststring', '400 DIGEST_INVALID'],
      ['.no-tag', '400 TAG_INVALID'],
    ])('the reference %s', async (reference, outcome) => {
      await pushBlobs('{}');
      const answer = await section.caller.putManifest(section.repository, reference, imageOf('{}'));
      expect(outcomeOf(answer)).toBe(outcome);
    });

    it('an image whose blobs are not all there', async () => {
      await pushBlobs('{}');
      const answer = await section.caller.putManifest(section.repository, 'v1', imageOf('{}', 'not pushed'));
      expect(outcomeOf(answer)).toBe('400 MANIFEST_BLOB_UNKNOWN');
      expect((await section.ask('HEAD', 'manifests/v1')).status).toBe(404);
    });

    it('an index whose manifests are not all there', async () => {
      const child = await section.caller.pushImage(section.other, 'v1');
      const answer = await section.caller.putManifest(section.repository, 'v1', indexOf(OCI_INDEX, child));
      expect(outcomeOf(answer)).toBe('400 MANIFEST_BLOB_UNKNOWN');
    });

    it('what is larger than 4 MiB', async () => {
      const large = { ...indexOf(OCI_INDEX), annotations: { a: 'A'.repeat(4 * 1024 * 1024) } };
      const answer = await section.caller.putManifest(section.repository, 'v1', large);
      expect(outcomeOf(answer)).toBe('413 MANIFEST_INVALID');
    });

    it.each([
      ['what is no JSON', 'no JSON', OCI_MANIFEST],
      ['what calls itself otherwise', JSON.stringify(indexOf(OCI_INDEX)), OCI_MANIFEST],
      ['what is no manifest', '{"schemaVersion":2}', DOCKER_MANIFEST],
    ])('%s', async (_, body, type) => {
      const answer = await section.ask('PUT', 'manifests/v1', { headers: { 'content-type': type }, body });
      expect(outcomeOf(answer)).toBe('400 MANIFEST_INVALID');
    });
  });

  describe('Pushing Manifests with Subject', () => {
    it('names the subject in OCI-Subject, whether it is there or not', async () => {
      await pushBlobs('{}');
      for (const subject of [
        (await section.caller.pushImage(section.repository, 'v1')).descriptor,
        descriptorOf(OCI_MANIFEST, 'never pushed'),
      ]) {
        for (const manifest of [imageOf('{}'), indexOf(OCI_INDEX)]) {
          const { status, headers } = await section.caller.putManifest(section.repository, 'note', {
            ...manifest,
            subject,
          });
          expect([status, headers['oci-subject']]).toEqual([201, subject.digest]);
        }
      }
    });

    it('names none without one', async () => {
      await pushBlobs('{}');
      const { headers } = await section.caller.putManifest(section.repository, 'v1', imageOf('{}'));
      expect(headers).not.toHaveProperty('oci-subject');
    });
  });
});
