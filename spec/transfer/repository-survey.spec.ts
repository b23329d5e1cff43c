import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { AuthenticationError, RegistryError } from '../../lib/errors.js';
import { digestOf } from '../../lib/oci/digest.js';
import { encodeManifest, type RawManifest } from '../../lib/oci/manifest.js';
import { MediaType } from '../../lib/oci/media-types.js';
import {
  RepositorySurvey,
  type Survey,
  type SurveyJob,
  type SurveyServices,
} from '../../lib/transfer/repository-survey.js';
import { type FakeReply, FakeTransport } from '../support/fake-transport.js';
import { RecordingTransport } from './recording-transport.js';
import { servicesOver } from './services.js';
import { configOf, descriptorOf, diffIdOf, imageManifest, store, type StoredLayer } from './surveyed.js';

const BASE: StoredLayer = { plain: 'base' };
const APP: StoredLayer = { plain: 'app' };

function jobOf(more: Partial<SurveyJob> = {}): SurveyJob {
  return {
    repository: 'app',
    tags: ['v2'],
    lastTags: [],
    moreTags: ['latest'],
    wanted: new Set([BASE, APP].map(({ plain }) => diffIdOf(plain))),
    named: new Set(),
    configs: new Map(),
    packing: 'gzip',
    forPush: true,
    signal: new AbortController().signal,
    ...more,
  };
}

async function take(services: SurveyServices, more: Partial<SurveyJob> = {}): Promise<Survey> {
  const survey = new RepositorySurvey(services, jobOf(more));
  await survey.begin();
  await survey.finish();
  return survey;
}

function found(survey: Survey): Record<string, string> {
  const names = new Map([BASE, APP].map(({ plain }) => [diffIdOf(plain), plain]));
  return Object.fromEntries([...survey.layers].map(([diffId, { digest }]) => [names.get(diffId) ?? diffId, digest]));
}

const BOTH = { base: descriptorOf(BASE).digest, app: descriptorOf(APP).digest };

describe('RepositorySurvey', () => {
  afterEach(() => void jest.useRealTimers());

  describe('of a registry that answers', () => {
    let transport: RecordingTransport;
    let services: SurveyServices;
    beforeEach(() => {
      transport = new RecordingTransport();
      services = servicesOver(transport);
    });

    /** What is asked from now on. */
    async function asked(more: Partial<SurveyJob> = {}): Promise<{ survey: Survey; asked: string[] }> {
      transport.log.length = 0;
      const survey = await take(services, more);
      return { survey, asked: [...transport.log].sort() };
    }

    describe('when several images have the layers, and one of them is ours', () => {
      const layers = [BASE, APP];
      const ours = configOf(layers, { author: 'us' });
      const configs = new Map([[digestOf(ours), layers.map(({ plain }) => diffIdOf(plain))]]);

      it('says that it depends on the first answer whether the config of another is read', async () => {
        await store(services, 'app:v1', layers, ours);
        await store(services, 'app:v0', layers);
        const { survey, asked: requests } = await asked({ configs });
        const reads = requests.filter((line) => line.includes('/blobs/')).length;
        expect(survey.chance).toEqual({ fewer: reads, more: 1 - reads });
      });

      it('knows how many requests it takes when it looks at one after the other', async () => {
        await store(services, 'app:v2', layers, ours);
        await store(services, 'app:v1', layers);
        const { survey } = await asked({ configs });
        expect(survey.chance).toEqual({ fewer: 0, more: 0 });
      });
    });

    it('finds the layers behind the tag that is to be pushed, in two requests', async () => {
      const raw = await store(services, 'app:v2', [BASE, APP]);
      const { survey, asked: requests } = await asked();
      const config = digestOf(configOf([BASE, APP]));
      expect(found(survey)).toEqual(BOTH);
      expect(requests).toEqual([`GET /v2/app/blobs/${config} 200`, 'GET /v2/app/manifests/v2 200']);
      expect([...survey.tagged]).toEqual([['v2', raw.descriptor.digest]]);
      expect([...survey.held].sort()).toEqual([config, BOTH.base, BOTH.app].sort());
    });

    it('does not ask for a config that is ours', async () => {
      const config = configOf([BASE, APP]);
      await store(services, 'app:v2', [BASE, APP]);
      const configs = new Map([[digestOf(config), [BASE, APP].map(({ plain }) => diffIdOf(plain))]]);
      const { survey, asked: requests } = await asked({ configs });
      expect(found(survey)).toEqual(BOTH);
      expect(requests).toEqual(['GET /v2/app/manifests/v2 200']);
    });

    it('asks only for the tag when nothing is wanted', async () => {
      await store(services, 'app:latest', [BASE, APP]);
      const { survey, asked: requests } = await asked({ wanted: new Set() });
      expect(requests).toEqual(['GET /v2/app/manifests/v2 404']);
      expect(survey.held.size).toBe(0);
    });

    it('looks on for blobs that are wanted by name', async () => {
      await store(services, 'app:latest', [BASE, APP]);
      const { survey } = await asked({ wanted: new Set(), named: new Set([BOTH.base]) });
      expect(survey.held).toContain(BOTH.base);
    });

    it('looks at latest and at the tags it is told next, and at the list', async () => {
      await store(services, 'app:latest', [BASE]);
      await store(services, 'app:other', [APP]);
      const { survey, asked: requests } = await asked({ moreTags: ['latest', 'other', 'none'] });
      expect(found(survey)).toEqual(BOTH);
      expect(requests.filter((line) => !line.includes('blobs'))).toEqual([
        'GET /v2/app/manifests/latest 200',
        'GET /v2/app/manifests/none 404',
        'GET /v2/app/manifests/other 200',
        'GET /v2/app/manifests/v2 404',
        'GET /v2/app/tags/list?n=100 200',
      ]);
    });

    it('looks at no tag twice, whoever names it', async () => {
      await store(services, 'app:latest', [BASE]);
      const { asked: requests } = await asked({ tags: ['latest', 'latest'], moreTags: ['latest', 'latest'] });
      expect(requests.filter((line) => line.includes('manifests'))).toEqual(['GET /v2/app/manifests/latest 200']);
    });

    it('looks at the three tags of the list that are most like the one to be pushed, the highest first', async () => {
      for (const tag of ['main', 'v1.2', 'v1.9', 'v1.10', 'v1.11', 'zebra'])
        await store(services, `app:${tag}`, [BASE]);
      const { asked: requests } = await asked({ tags: ['v1.12'] });
      const looked = requests.flatMap((line) => /manifests\/(\S+) 200/.exec(line)?.[1] ?? []);
      // `v1.1` is what they have in common with it.
      expect(looked.sort()).toEqual(['v1.10', 'v1.11', 'v1.9']);
    });

    it('takes ten for higher than nine', async () => {
      for (const tag of ['v8', 'v9', 'v10', 'v011']) await store(services, `app:${tag}`, [BASE]);
      const { asked: requests } = await asked({ tags: ['main'] });
      const looked = requests.flatMap((line) => /manifests\/(\S+) 200/.exec(line)?.[1] ?? []);
      expect(looked.sort()).toEqual(['v011', 'v10', 'v9']);
    });

    it('looks at images, not at signatures and lists of referrers', async () => {
      const attached = `sha256-${'a'.repeat(64)}`;
      for (const tag of [attached, `${attached}.sig`, `${attached}.att`, `${attached}.sbom`, 'old'])
        await store(services, `app:${tag}`, tag === 'old' ? [BASE, APP] : []);
      const { survey, asked: requests } = await asked({ tags: ['sha-1'] });
      expect(found(survey)).toEqual(BOTH);
      expect(requests.filter((line) => line.includes('sha256-'))).toEqual([]);
    });

    it('looks at eight of many tags to be pushed, and not at the rest', async () => {
      const { asked: requests } = await asked({ tags: Array.from({ length: 30 }, (_, i) => `t${i}`), moreTags: [] });
      expect(requests.filter((line) => line.includes('manifests'))).toHaveLength(8);
    });

    it('asks for the first tag alone', async () => {
      const survey = new RepositorySurvey(services, jobOf({ tags: ['a', 'b', 'c'] }));
      await survey.begin();
      expect(transport.log).toEqual(['GET /v2/app/manifests/a 404']);
    });

    it('asks for a token that allows to push, or only to read where nothing is pushed', async () => {
      const scopes = new Set<string>();
      transport.before = (request) => void scopes.add(String(request.scopes));
      await take(services, { wanted: new Set() });
      await take(services, { wanted: new Set(), forPush: false });
      expect([...scopes]).toEqual(['repository:app:pull,push', 'repository:app:pull']);
    });

    it('knows nothing of a repository that is not there', async () => {
      const { survey, asked: requests } = await asked();
      expect([survey.layers.size, survey.held.size, survey.tagged.size]).toEqual([0, 0, 0]);
      expect(requests).toHaveLength(3);
    });

    describe('an index', () => {
      async function storeIndex(children: readonly RawManifest[], platforms: readonly string[]): Promise<RawManifest> {
        const index = encodeManifest({
          schemaVersion: 2,
          mediaType: MediaType.ociIndex,
          manifests: children.map(({ descriptor }, i) => {
            const [os, architecture] = platforms[i]!.split('/') as [string, string];
            return { ...descriptor, platform: { os, architecture } };
          }),
        });
        await services.manifests.push('app', 'v2', index);
        return index;
      }

      it('is looked into, but for attestations', async () => {
        const image = await store(services, 'app', [BASE, APP]);
        const attestation = await store(services, 'app', [{ plain: 'attestation' }]);
        const index = await storeIndex([image, attestation], ['linux/amd64', 'unknown/unknown']);
        const { survey, asked: requests } = await asked();
        expect(found(survey)).toEqual(BOTH);
        expect(survey.tagged.get('v2')).toBe(index.descriptor.digest);
        expect(requests.join()).not.toContain(attestation.descriptor.digest);
      });

      it('of many platforms is looked into for four of them', async () => {
        const images = [];
        for (let i = 0; i < 9; i++) images.push(await store(services, 'app', [{ plain: `for ${i}` }]));
        await storeIndex(
          images,
          images.map((_, i) => `linux/arch${i}`),
        );
        const { asked: requests } = await asked();
        expect(requests.filter((line) => line.includes('manifests/sha256'))).toHaveLength(4);
      });

      it('may lack what it names', async () => {
        const image = await store(services, 'app', [BASE, APP]);
        const other = await store(services, 'app', [{ plain: 'other' }]);
        await storeIndex([other, image], ['linux/arm64', 'linux/amd64']);
        await services.manifests.delete('app', other.descriptor.digest);
        expect(found((await asked()).survey)).toEqual(BOTH);
      });
    });

    describe('layers', () => {
      it.each([
        ['gzip', MediaType.dockerLayerGzip],
        ['gzip', MediaType.ociLayerGzip],
        ['zstd', MediaType.ociLayerZstd],
        ['none', MediaType.ociLayer],
        ['none', MediaType.dockerLayer],
      ] as const)('of %s count when they are wanted: %s', async (packing, mediaType) => {
        await store(
          services,
          'app:v2',
          [BASE, APP].map((layer) => ({ ...layer, mediaType })),
        );
        for (const other of ['gzip', 'zstd', 'none'] as const) {
          expect(Object.keys(found(await take(services, { packing: other })))).toHaveLength(other === packing ? 2 : 0);
        }
      });

      it('of a type that nobody knows do not', async () => {
        await store(services, 'app:v2', [{ ...BASE, mediaType: 'application/vnd.example.tar.gzip.encrypted' }, APP]);
        expect(found((await asked()).survey)).toEqual({ app: BOTH.app });
      });

      it('that the registry need not hold do not', async () => {
        await store(services, 'app:v2', [{ ...BASE, urls: ['https://elsewhere.test/layer'] }, APP]);
        const { survey } = await asked();
        expect(found(survey)).toEqual({ app: BOTH.app });
        expect(survey.held).not.toContain(BOTH.base);
      });

      it('that are not wanted are not kept, but known to be there', async () => {
        await store(services, 'app:v2', [BASE, APP]);
        const { survey } = await asked({ wanted: new Set([diffIdOf('app')]) });
        expect(found(survey)).toEqual({ app: BOTH.app });
        expect(survey.held).toContain(BOTH.base);
      });

      it('do not count where there are more or fewer of them than diff_ids', async () => {
        await store(services, 'app:v2', [BASE, APP], configOf([BASE]));
        await store(services, 'app:latest', [BASE], configOf([BASE, APP]));
        const { survey } = await asked();
        expect(found(survey)).toEqual({});
        expect(survey.held).toContain(BOTH.base);
      });
    });

    describe('a config', () => {
      it.each([
        ['no JSON', Buffer.from('{"rootfs":')],
        ['no object', Buffer.from('[]')],
        ['one without diff_ids', Buffer.from('{}')],
        ['one with diff_ids that are none', Buffer.from('{"rootfs":{"diff_ids":["sha256:../x",1]}}')],
      ])('that is %s tells nothing', async (_, config) => {
        await store(services, 'app:v2', [BASE, APP], config);
        const { survey } = await asked();
        expect(found(survey)).toEqual({});
        expect(survey.tagged.size).toBe(1);
      });

      it('that is too large is not asked for', async () => {
        const config = configOf([BASE, APP], { more: 'x'.repeat(4 * 1024 * 1024) });
        await store(services, 'app:v2', [BASE, APP], config);
        const { survey, asked: requests } = await asked();
        expect(found(survey)).toEqual({});
        expect(requests.join()).not.toContain('blobs');
      });

      it('that is gone tells nothing', async () => {
        await store(services, 'app:v2', [BASE, APP]);
        await services.blobs.delete('app', digestOf(configOf([BASE, APP])));
        expect(found((await asked()).survey)).toEqual({});
      });
    });
  });

  describe('of a registry that is hostile', () => {
    const config = configOf([BASE, APP]);

    /** Answers every tag with the manifest and every blob with the config, unless told otherwise. */
    function survey(
      answers: Record<string, FakeReply | (() => FakeReply | Promise<FakeReply>)>,
      more: Partial<SurveyJob> = {},
    ): { transport: FakeTransport; taken: Promise<Survey> } {
      const transport = new FakeTransport(({ url }) => {
        const known = Object.entries(answers).find(([part]) => url.href.includes(part))?.[1];
        return (typeof known === 'function' ? known() : known) ?? { status: 404 };
      });
      return { transport, taken: take(servicesOver(transport), more) };
    }

    const manifest = (raw: RawManifest): FakeReply => ({
      body: raw.bytes,
      headers: { 'content-type': raw.descriptor.mediaType },
    });

    it('reads a manifest of 10,000 layers', async () => {
      const layers = [...Array.from({ length: 10_000 }, (_, i) => ({ plain: `layer ${i}` })), BASE, APP];
      const many = configOf(layers);
      const { taken } = survey({ 'manifests/v2': manifest(imageManifest(layers, many)), blobs: { body: many } });
      expect(found(await taken)).toEqual(BOTH);
    });

    it.each<[string, FakeReply]>([
      ['is no JSON', { body: '<html>' }],
      ['is of another type than it says', { body: '{"schemaVersion":2,"layers":[],"manifests":[]}' }],
      ['is too large', { body: Buffer.alloc(9 * 1024 * 1024, ' ') }],
      ['is of schema 1', { body: '{"schemaVersion":1}' }],
      [
        'is another one than its digest says',
        {
          ...manifest(imageManifest([BASE], config)),
          headers: { 'docker-content-digest': digestOf('other'), 'content-type': MediaType.dockerManifest },
        },
      ],
    ])('takes nothing from a manifest that %s', async (_, reply) => {
      const taken = await survey({ 'manifests/v2': reply, blobs: { body: config } }).taken;
      expect([taken.layers.size, taken.held.size, taken.tagged.size]).toEqual([0, 0, 0]);
    });

    it.each<[string, FakeReply]>([
      ['other bytes', { body: Buffer.from(config).fill('x', 10, 11) }],
      ['more bytes', { body: Buffer.concat([config, config]) }],
    ])('takes nothing from a config with %s than its digest says', async (_, reply) => {
      const raw = imageManifest([BASE, APP], config);
      expect(found(await survey({ 'manifests/v2': manifest(raw), blobs: reply }).taken)).toEqual({});
    });

    it('reads a hundred tags of a list that never ends', async () => {
      let page = 0;
      const tags = () => ({
        body: JSON.stringify({ name: 'app', tags: [`t${page++}`, ...Array<string>(40).fill(`x${page}`)] }),
        headers: { 'content-type': 'application/json', link: `</v2/app/tags/list?last=${page}>; rel="next"` },
      });
      await survey({ 'tags/list': tags }).taken;
      expect(page).toBe(3);
    });

    it('asks nobody else for the rest of a list', async () => {
      const link = '<http://other.test/v2/app/tags/list>; rel="next"';
      const tags = { body: '{"tags":["one"]}', headers: { 'content-type': 'application/json', link } };
      const { transport, taken } = survey({ 'tags/list': tags });
      await taken;
      expect(transport.calls.filter((call) => call.includes('other.test'))).toEqual([]);
      expect(transport.calls).toContain('GET http://registry.test/v2/app/manifests/one');
    });

    it.each([
      ['that are none', '{"tags":["../x","sha256:1",null,7,""]}'],
      ['in no list', '{"tags":"latest"}'],
      ['on a web page', '<html>'],
    ])('asks for no tags %s', async (_, body) => {
      const { transport, taken } = survey({ 'tags/list': { body, headers: { 'content-type': 'application/json' } } });
      await taken;
      expect(transport.calls).toHaveLength(3);
    });

    it.each([400, 404, 405, 429, 500, 503])('takes a %i to everything for nothing known', async (status) => {
      const taken = await survey({ '': { status } }).taken;
      expect([taken.layers.size, taken.held.size, taken.tagged.size]).toEqual([0, 0, 0]);
    });
  });

  describe('of a registry that is out of reach', () => {
    const away = new RegistryError('nobody listens', { code: 'ECONNREFUSED', retryable: true });

    function failing(fails: (path: string) => Error | undefined): {
      transport: FakeTransport;
      services: SurveyServices;
    } {
      const transport = new FakeTransport(({ url }) => {
        const error = fails(url.pathname);
        if (error) throw error;
        return { status: 404 };
      });
      return { transport, services: servicesOver(transport) };
    }

    it('fails at once, for a push would wait as long again', async () => {
      const { transport, services } = failing(() => away);
      await expect(take(services, { tags: ['a', 'b', 'c'] })).rejects.toBe(away);
      expect(transport.calls).toEqual(['GET http://registry.test/v2/app/manifests/a']);
    });

    it('does not fail when only the list of tags does not come, or another tag', async () => {
      for (const part of ['tags/list', 'manifests/latest']) {
        const { services } = failing((path) => (path.includes(part) ? away : undefined));
        expect((await take(services)).layers.size).toBe(0);
      }
    });

    it('does not fail when blobs are where only few may go', async () => {
      const raw = imageManifest([BASE, APP], configOf([BASE, APP]));
      const transport = new FakeTransport(({ url }) => {
        if (url.pathname.includes('blobs'))
          throw new RegistryError('no way', { code: 'EHOSTUNREACH', retryable: true });
        if (!url.pathname.includes('manifests/v2')) return { status: 404 };
        return { body: raw.bytes, headers: { 'content-type': raw.descriptor.mediaType } };
      });
      expect((await take(servicesOver(transport))).held).toContain(BOTH.base);
    });

    it.each(['tags/list', 'blobs'])('waits five seconds for %s, which it can do without', async (part) => {
      jest.useFakeTimers();
      const raw = imageManifest([BASE, APP], configOf([BASE, APP]));
      const transport = new FakeTransport(({ url }) => {
        if (url.pathname.includes(part)) return new Promise(() => undefined);
        if (!url.pathname.includes('manifests/v2')) return { status: 404 };
        return { body: raw.bytes, headers: { 'content-type': raw.descriptor.mediaType } };
      });
      const taking = take(servicesOver(transport));
      let isDone = false;
      void taking.then(() => (isDone = true));
      await jest.advanceTimersByTimeAsync(4900);
      expect(isDone).toBe(false);
      await jest.advanceTimersByTimeAsync(200);
      expect((await taking).held).toContain(BOTH.base);
    });

    it('ends with the reason of its signal', async () => {
      const abort = new AbortController();
      const transport = new FakeTransport(async () => {
        setImmediate(() => abort.abort(new Error('enough')));
        await sleep(5000, undefined, { signal: abort.signal });
        return {};
      });
      await expect(take(servicesOver(transport), { signal: abort.signal })).rejects.toThrow('enough');
    });
  });

  describe('of a registry that does not let us in', () => {
    function refusing(status: number, part = ''): { transport: FakeTransport; services: SurveyServices } {
      const transport = new FakeTransport(({ url }) => ({ status: url.pathname.includes(part) ? status : 404 }));
      return { transport, services: servicesOver(transport) };
    }

    it('fails after one try, for accounts are locked after a few', async () => {
      const { transport, services } = refusing(401);
      await expect(take(services, { tags: ['a', 'b', 'c'] })).rejects.toBeInstanceOf(AuthenticationError);
      expect(transport.calls).toHaveLength(1);
    });

    it('knows nothing where only pushing is allowed, and asks no more', async () => {
      const { transport, services } = refusing(403);
      expect((await take(services, { tags: ['a', 'b', 'c'] })).held.size).toBe(0);
      expect(transport.calls).toHaveLength(1);
    });

    it('knows nothing of a repository that is only read from, and asks no more', async () => {
      const { transport, services } = refusing(401);
      expect((await take(services, { forPush: false })).held.size).toBe(0);
      expect(transport.calls).toHaveLength(1);
    });

    it('asks no more tags when the list is refused', async () => {
      const { transport, services } = refusing(401, 'tags/list');
      expect((await take(services)).held.size).toBe(0);
      expect(transport.calls).toHaveLength(3);
    });
  });
});
