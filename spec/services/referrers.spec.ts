import { describe, expect, it } from '@jest/globals';
import { collect } from '../../lib/collect.js';
import { NotFoundError, RegistryError } from '../../lib/errors.js';
import type { Descriptor } from '../../lib/oci/descriptor.js';
import { digestOf } from '../../lib/oci/digest.js';
import { encodeManifest, type ImageIndex, type ImageManifest } from '../../lib/oci/manifest.js';
import { MediaType } from '../../lib/oci/media-types.js';
import { ManifestService } from '../../lib/services/manifest-service.js';
import type { ReferrersOptions } from '../../lib/services/referrers.js';
import type { FakeReply } from '../support/fake-transport.js';
import { OPTIONS, refusal, scripted, type Step, told } from './scripted.js';

const SUBJECT: Descriptor = { mediaType: MediaType.ociManifest, digest: digestOf('subject'), size: 7 };
const TAG = SUBJECT.digest.replace(':', '-');
const API = `/v2/team/app/referrers/${SUBJECT.digest}`;
const FALLBACK = `/v2/team/app/manifests/${TAG}`;
const SBOM = referrer('sbom', 'application/spdx+json');
const SIGNATURE = referrer('signature', 'application/vnd.dev.cosign.artifact.sig.v1+json');

const RAW = encodeManifest({
  schemaVersion: 2,
  mediaType: MediaType.ociManifest,
  artifactType: 'application/spdx+json',
  config: { mediaType: MediaType.ociEmpty, digest: digestOf('{}'), size: 2 },
  layers: [],
  subject: SUBJECT,
  annotations: { 'org.opencontainers.image.created': '2026-01-01T00:00:00Z' },
});

function referrer(content: string, artifactType: string): Descriptor {
  return { mediaType: MediaType.ociManifest, digest: digestOf(content), size: content.length, artifactType };
}

function index(...manifests: Descriptor[]): ImageIndex {
  return { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests };
}

function listed(manifests: readonly Descriptor[], link?: string): FakeReply {
  const headers = { 'content-type': MediaType.ociIndex, ...(link ? { link: `<${link}>; rel="next"` } : {}) };
  return { headers, body: JSON.stringify(index(...manifests)) };
}

function setUp(...steps: Step[]) {
  const transport = scripted(...steps);
  const manifests = new ManifestService(transport, OPTIONS);
  const list = (options?: ReferrersOptions) => collect(manifests.listReferrers('team/app', SUBJECT.digest, options));
  return { transport, manifests, list };
}

/** What was stored under the tag. */
function storedList({ requests }: ReturnType<typeof scripted>): ImageIndex {
  const put = requests.filter(({ method, url }) => method === 'PUT' && url.pathname === FALLBACK).at(-1);
  return JSON.parse(String(put?.content)) as ImageIndex;
}

describe('Referrers', () => {
  describe('list', () => {
    it('asks the registry', async () => {
      const { list, transport } = setUp(listed([SBOM, SIGNATURE]));
      expect(await list()).toEqual([SBOM, SIGNATURE]);
      expect(told(transport)).toEqual([`GET ${API}`]);
      expect(transport.requests[0]).toMatchObject({
        headers: { accept: MediaType.ociIndex },
        scopes: ['repository:team/app:pull'],
      });
    });

    it('follows the pages', async () => {
      const { list, transport } = setUp(listed([SBOM], `${API}?page=2`), listed([SIGNATURE]));
      expect(await list()).toEqual([SBOM, SIGNATURE]);
      expect(told(transport)).toEqual([`GET ${API}`, `GET ${API}?page=2`]);
    });

    it.each([
      ['null for none', null, []],
      ['null among them', [null, SBOM, null], [SBOM]],
    ])('takes %s for what it is', async (_, manifests, expected) => {
      const headers = { 'content-type': MediaType.ociIndex };
      const body = JSON.stringify({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests });
      expect(await setUp({ headers, body }).list()).toEqual(expected);
    });

    it('has an end where the registry has none', async () => {
      let count = 0;
      const endless: Step = () => listed([SBOM], `?page=${++count}`);
      const { list } = setUp(...Array.from({ length: 200 }, () => endless));
      await expect(list()).rejects.toMatchObject({ code: 'ENDLESS_LIST' });
    });

    it.each([
      '[',
      '7',
      '{"schemaVersion":2,"manifests":[{}]}',
      '\u001b[2J',
      `{"manifests":[null,${'['.repeat(50_000)}`,
    ])('says that %.20s is no list, and repeats nothing of it', async (body) => {
      const error = await setUp({ headers: { 'content-type': MediaType.ociIndex }, body })
        .list()
        .catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: 'MANIFEST_INVALID' });
      expect((error as Error).message).not.toContain('\u001b');
    });

    it('keeps to one type, also where the registry does not', async () => {
      const { list, transport } = setUp(listed([SBOM, SIGNATURE]));
      expect(await list({ artifactType: 'application/spdx+json' })).toEqual([SBOM]);
      expect(told(transport)).toEqual([`GET ${API}?artifactType=application%2Fspdx%2Bjson`]);
    });

    it('resolves a tag first', async () => {
      const { manifests, transport } = setUp(
        { headers: { 'content-type': MediaType.ociManifest }, body: RAW.bytes },
        listed([]),
      );
      expect(await collect(manifests.listReferrers('team/app', 'v1'))).toEqual([]);
      expect(told(transport)[1]).toBe(`GET /v2/team/app/referrers/${RAW.descriptor.digest}`);
    });

    it.each([
      ['404', 404],
      ['400', refusal(400, 'DIGEST_INVALID')],
      ['405', 405],
      ['406', 406],
      ['a web page', { headers: { 'content-type': 'text/html' }, body: '<html>' }],
    ])('reads the list under the tag where the registry answers %s', async (_, answer) => {
      const { list, transport } = setUp(answer, listed([SBOM, SIGNATURE]));
      expect(await list({ artifactType: 'application/spdx+json' })).toEqual([SBOM]);
      expect(told(transport)[1]).toBe(`GET ${FALLBACK}`);
    });

    it('finds none where there is no such tag either', async () => {
      expect(await setUp(404, refusal(404, 'MANIFEST_UNKNOWN')).list()).toEqual([]);
    });

    it('takes no other failure for an absence', async () => {
      await expect(setUp(500).list()).rejects.toMatchObject({ status: 500 });
      await expect(setUp(404, 500).list()).rejects.toMatchObject({ status: 500 });
      await expect(setUp(listed([SBOM], `${API}?page=2`), 404).list()).rejects.toBeInstanceOf(NotFoundError);
    });

    it.each([
      ['no list', { manifests: {} }, 'the index has no manifests'],
      ['an image', { schemaVersion: 2, mediaType: MediaType.ociManifest, layers: [] }, 'is served as'],
    ])('refuses an answer that is %s', async (_, content, message) => {
      const body = JSON.stringify({ schemaVersion: 2, ...content });
      const failing = setUp({ headers: { 'content-type': MediaType.ociIndex }, body }).list();
      await expect(failing).rejects.toBeInstanceOf(RegistryError);
      await expect(failing).rejects.toMatchObject({
        code: 'MANIFEST_INVALID',
        message: expect.stringContaining(message),
      });
    });

    it('refuses an image under the tag of a list', async () => {
      const image = { headers: { 'content-type': MediaType.ociManifest }, body: RAW.bytes };
      await expect(setUp(404, image).list()).rejects.toMatchObject({ code: 'REFERRERS_INVALID' });
    });

    it('uses the short tag of the spec for sha512', async () => {
      const subject = digestOf('subject', 'sha512');
      const { manifests, transport } = setUp(404, 404);
      await collect(manifests.listReferrers('team/app', subject));
      expect(told(transport)[1]).toBe(`GET /v2/team/app/manifests/sha512-${subject.slice(7, 71)}`);
    });
  });

  describe('a push', () => {
    const created: FakeReply = { status: 201 };

    it('leaves the list to a registry that keeps it', async () => {
      const { manifests, transport } = setUp({ status: 201, headers: { 'oci-subject': SUBJECT.digest } });
      await manifests.push('team/app', 'sbom', RAW);
      expect(transport.requests).toHaveLength(1);
    });

    it('keeps the list where the registry does not, with all the spec wants in it', async () => {
      const { manifests, transport } = setUp(created, 404, created);
      await manifests.push('team/app', 'sbom', RAW);
      expect(storedList(transport)).toEqual(
        index({
          ...RAW.descriptor,
          artifactType: 'application/spdx+json',
          annotations: { 'org.opencontainers.image.created': '2026-01-01T00:00:00Z' },
        }),
      );
    });

    it('names the type of the config where the manifest has no artifactType', async () => {
      const { artifactType: _, ...image } = RAW.manifest as ImageManifest;
      const { manifests, transport } = setUp(created, 404, created);
      await manifests.push('team/app', 'sbom', encodeManifest(image));
      expect(storedList(transport).manifests[0]?.artifactType).toBe(MediaType.ociEmpty);
    });

    it('keeps the others on the list', async () => {
      const { manifests, transport } = setUp(created, listed([SIGNATURE]), created);
      await manifests.push('team/app', 'sbom', RAW);
      expect(storedList(transport).manifests.map(({ digest }) => digest)).toEqual([
        SIGNATURE.digest,
        RAW.descriptor.digest,
      ]);
    });

    it('keeps a list that names a subject itself on no further list', async () => {
      const looping = { ...index(SIGNATURE), subject: SUBJECT, annotations: { title: 'list' } };
      const stored = { headers: { 'content-type': MediaType.ociIndex }, body: JSON.stringify(looping) };
      const { manifests, transport } = setUp(created, stored, created);
      await manifests.push('team/app', 'sbom', RAW);
      expect(storedList(transport)).not.toHaveProperty('subject');
      expect(storedList(transport).annotations).toEqual({ title: 'list' });
    });

    it('is on the list once, however often it is pushed', async () => {
      const { manifests, transport } = setUp(created, listed([{ ...SBOM, ...RAW.descriptor }]));
      await manifests.push('team/app', 'sbom', RAW);
      expect(transport.requests).toHaveLength(2);
    });

    it('loses none of several that are pushed at once', async () => {
      let list: Descriptor[] = [];
      const registry = scripted(
        ...Array.from({ length: 9 }, (): Step => ({ method, url }, body) => {
          if (url.pathname !== FALLBACK) return created;
          if (method === 'GET') return list.length > 0 ? listed(list) : refusal(404, 'MANIFEST_UNKNOWN');
          list = [...(JSON.parse(String(body)) as ImageIndex).manifests];
          return created;
        }),
      );
      const manifests = new ManifestService(registry, OPTIONS);
      const many = ['a', 'b', 'c'].map((title) => encodeManifest({ ...RAW.manifest, annotations: { title } }));
      await Promise.all(many.map((raw) => manifests.push('team/app', raw.descriptor.digest, raw)));
      expect(list.map(({ digest }) => digest).sort()).toEqual(many.map(({ descriptor }) => descriptor.digest).sort());
    });

    it('goes on after one that failed', async () => {
      const { manifests, transport } = setUp(created, 500, created, 404, created);
      await expect(manifests.push('team/app', 'sbom', RAW)).rejects.toMatchObject({ status: 500 });
      await manifests.push('team/app', 'sbom', RAW);
      expect(storedList(transport).manifests).toHaveLength(1);
    });

    it('without a subject keeps no list', async () => {
      const { subject: _, ...image } = RAW.manifest;
      const { manifests, transport } = setUp(created);
      await manifests.push('team/app', 'v1', encodeManifest(image));
      expect(transport.requests).toHaveLength(1);
    });
  });

  describe('a deletion', () => {
    it('takes it off the list', async () => {
      const { manifests, transport } = setUp(listed([SIGNATURE, RAW.descriptor]), { status: 201 });
      await manifests.unlistReferrer('team/app', RAW);
      expect(storedList(transport).manifests).toEqual([SIGNATURE]);
    });

    it.each([
      ['there is no list', 404],
      ['it is not on the list', listed([SIGNATURE])],
    ])('changes nothing where %s', async (_, answer) => {
      const { manifests, transport } = setUp(answer);
      await manifests.unlistReferrer('team/app', RAW);
      expect(transport.requests).toHaveLength(1);
    });
  });
});
