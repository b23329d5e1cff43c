import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { EmbeddedTransport } from '../../lib/embedded/embedded-transport.js';
import { MemoryStore } from '../../lib/embedded/memory-store.js';
import { EmbeddedRegistry } from '../../lib/embedded/registry.js';
import { digestOf } from '../../lib/oci/digest.js';
import { MAX_MANIFEST_SIZE } from '../../lib/oci/manifest.js';
import {
  type Answer,
  Caller,
  descriptorOf,
  DOCKER_LIST,
  DOCKER_MANIFEST,
  dockerImageOf,
  imageOf,
  indexOf,
  jsonOf,
  OCI_INDEX,
  OCI_MANIFEST,
  outcomeOf,
  streamed,
} from '../contract/caller.js';

describe('ManifestRoutes', () => {
  let caller: Caller;

  beforeEach(async () => {
    caller = new Caller(new EmbeddedTransport());
    await caller.pushBlob('app', '{}');
    await caller.pushBlob('app', 'layer');
  });

  const image = { ...imageOf('{}', 'layer') };
  const at = (reference: string, method = 'GET'): Promise<Answer> =>
    caller.call(method, `/v2/app/manifests/${reference}`);
  const put = (reference: string, manifest: object, mediaType?: string): Promise<Answer> =>
    caller.putManifest('app', reference, manifest, mediaType);

  describe('PUT', () => {
    it('answers with location and digest', async () => {
      const { status, headers } = await put('v1', image);
      const digest = digestOf(JSON.stringify(image));
      expect(status).toBe(201);
      expect(headers).toMatchObject({ location: `/v2/app/manifests/${digest}`, 'docker-content-digest': digest });
      expect(headers).not.toHaveProperty('oci-subject');
    });

    it('keeps the bytes as they came', async () => {
      const body = JSON.stringify({ ...image, unknownField: { kept: true } }, null, 3);
      const headers = { 'content-type': OCI_MANIFEST };
      await caller.call('PUT', '/v2/app/manifests/v1', { headers, body });
      expect((await at('v1')).body.toString()).toBe(body);
    });

    it('tags nothing when it comes under its digest', async () => {
      await put(digestOf(JSON.stringify(image)), image);
      expect(jsonOf(await caller.call('GET', '/v2/app/tags/list'))).toEqual({ name: 'app', tags: [] });
    });

    it('takes sha512 and keeps it under that', async () => {
      const digest = digestOf(JSON.stringify(image), 'sha512');
      const { status, headers } = await put(encodeURIComponent(digest), image);
      expect([status, headers['docker-content-digest']]).toEqual([201, digest]);
      const index = indexOf(OCI_INDEX);
      const manifests = [{ mediaType: OCI_MANIFEST, digest, size: JSON.stringify(image).length }];
      expect((await put('all', { ...index, manifests })).status).toBe(201);
      expect((await at(digest)).headers['docker-content-digest']).toBe(digest);
    });

    it('takes all four types', async () => {
      const child = await caller.pushManifest('app', 'oci', image);
      const dockerChild = await caller.pushManifest('app', 'docker', dockerImageOf('{}', 'layer'));
      await caller.pushManifest('app', 'index', indexOf(OCI_INDEX, child));
      await caller.pushManifest('app', 'list', indexOf(DOCKER_LIST, dockerChild));
      const types = ['oci', 'docker', 'index', 'list'].map(async (tag) => (await at(tag)).headers['content-type']);
      expect(await Promise.all(types)).toEqual([OCI_MANIFEST, DOCKER_MANIFEST, OCI_INDEX, DOCKER_LIST]);
    });

    it('takes artifacts: other configs, artifactType, empty indexes, indexes in indexes', async () => {
      const config = descriptorOf('application/vnd.oci.empty.v1+json', '{}');
      expect((await put('a', { ...image, artifactType: 'text/x.note', config })).status).toBe(201);
      expect((await put('b', { ...image, config: { ...config, mediaType: 'text/x.note' } })).status).toBe(201);
      const empty = await caller.pushManifest('app', 'c', indexOf(OCI_INDEX));
      expect((await put('d', indexOf(OCI_INDEX, empty))).status).toBe(201);
      expect((await put('e', { ...image, layers: [] })).status).toBe(201);
    });

    it('ignores parameters of the content type', async () => {
      await put('v1', image, `${OCI_MANIFEST}; charset=utf-8`);
      expect((await at('v1')).headers['content-type']).toBe(OCI_MANIFEST);
    });

    it('goes by the content type when the manifest names none, and the other way round', async () => {
      const { mediaType: _, ...unnamed } = image;
      await put('v1', unnamed, OCI_MANIFEST);
      expect((await at('v1')).headers['content-type']).toBe(OCI_MANIFEST);
      await caller.call('PUT', '/v2/app/manifests/v2', { body: JSON.stringify(dockerImageOf('{}', 'layer')) });
      expect((await at('v2')).headers['content-type']).toBe(DOCKER_MANIFEST);
    });

    it('leaves foreign layers where they are', async () => {
      const urls = ['https://layers.example/1'];
      const foreign = { ...descriptorOf('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', 'f'), urls };
      expect((await put('v1', { ...image, layers: [foreign] })).status).toBe(201);
      const unpushed = { ...image, layers: [{ ...foreign, urls: [] }] };
      expect(outcomeOf(await put('v1', unpushed))).toBe('400 MANIFEST_BLOB_UNKNOWN');
    });

    it('takes an index that lists blobs, as BuildKit writes its cache', async () => {
      const layer = descriptorOf('application/vnd.oci.image.layer.v1.tar+gzip', 'layer');
      const cache = { ...indexOf(OCI_INDEX), manifests: [layer] };
      expect((await put('cache', cache)).status).toBe(201);
    });

    it('takes an image whose layer is the blob of a manifest', async () => {
      const layer = descriptorOf(OCI_MANIFEST, 'layer');
      expect((await put('v1', { ...image, layers: [layer] })).status).toBe(201);
    });

    it('names the subject, which need not be there', async () => {
      const subject = descriptorOf(OCI_MANIFEST, 'never pushed');
      const { status, headers } = await put('note', { ...image, subject });
      expect([status, headers['oci-subject']]).toEqual([201, subject.digest]);
    });

    it('says which contents are missing, each once', async () => {
      const missing = ['one', 'two', 'two'].map((content) => descriptorOf('application/octet-stream', content));
      const answer = await put('v1', { ...image, layers: [...image.layers, ...missing] });
      expect(answer.status).toBe(400);
      const { errors } = jsonOf<{ errors: { code: string; detail: unknown }[] }>(answer);
      expect(errors.map(({ code, detail }) => [code, detail])).toEqual([
        ['MANIFEST_BLOB_UNKNOWN', { digest: digestOf('one') }],
        ['MANIFEST_BLOB_UNKNOWN', { digest: digestOf('two') }],
      ]);
    });

    it('looks for each content once, one after another, however often it is named', async () => {
      const store = new MemoryStore();
      let [asked, waiting, most] = [0, 0, 0];
      const getManifest = store.getManifest.bind(store);
      Object.assign(store, {
        getManifest: async (...args: Parameters<typeof getManifest>) => {
          asked += 1;
          most = Math.max(most, (waiting += 1));
          await setImmediate();
          waiting -= 1;
          return getManifest(...args);
        },
      });
      const registry = new Caller(new EmbeddedTransport(new EmbeddedRegistry({ store })));
      const children = [await registry.pushImage('app', 'a', {}, 'a'), await registry.pushImage('app', 'b', {}, 'b')];
      const many = Array.from({ length: 1000 }, () => children).flat();
      await registry.pushManifest('app', 'many', indexOf(OCI_INDEX, ...many));
      expect([asked, most]).toEqual([2, 1]);
    });

    it('wants the config too', async () => {
      expect(outcomeOf(await put('v1', imageOf('not pushed', 'layer')))).toBe('400 MANIFEST_BLOB_UNKNOWN');
    });

    it('wants the children of an index as manifests of the repository', async () => {
      const elsewhere = await caller.pushImage('other', 'v1');
      expect(outcomeOf(await put('all', indexOf(OCI_INDEX, elsewhere)))).toBe('400 MANIFEST_BLOB_UNKNOWN');
      const digest = await caller.pushBlob('app', elsewhere.bytes);
      expect(digest).toBe(elsewhere.digest);
      expect(outcomeOf(await put('all', indexOf(OCI_INDEX, elsewhere)))).toBe('400 MANIFEST_BLOB_UNKNOWN');
    });

    it.each([
      ['another type than its own', image, DOCKER_MANIFEST],
      ['a type that is no manifest', image, 'application/json'],
      ['an image and an index at once', { ...image, manifests: [] }, OCI_MANIFEST],
      ['the old schema', { schemaVersion: 1, name: 'app' }, OCI_MANIFEST],
      ['layers that are none', { ...image, layers: [{ digest: 'sha256:1' }] }, OCI_MANIFEST],
      ['no object', [], OCI_MANIFEST],
    ])('refuses %s', async (_, manifest, mediaType) => {
      expect(outcomeOf(await put('v1', manifest, mediaType))).toBe('400 MANIFEST_INVALID');
      expect((await at('v1')).status).toBe(404);
    });

    it('refuses another digest than its own', async () => {
      const answer = await put(digestOf('other'), image);
      expect(outcomeOf(answer)).toBe('400 DIGEST_INVALID');
      const { errors } = jsonOf<{ errors: { detail: unknown }[] }>(answer);
      expect(errors[0]?.detail).toEqual({ digest: digestOf('other'), actual: digestOf(JSON.stringify(image)) });
    });

    it.each([
      ['sha256:baddigeststring', '400 DIGEST_INVALID', '400 DIGEST_INVALID'],
      ['-dash', '400 TAG_INVALID', '404 NAME_UNKNOWN'],
      ['.INVALID_MANIFEST_NAME', '400 TAG_INVALID', '404 NAME_UNKNOWN'],
      ['a'.repeat(129), '400 TAG_INVALID', '404 NAME_UNKNOWN'],
      ['with%20space', '400 TAG_INVALID', '404 NAME_UNKNOWN'],
      ['a%2Fb', '400 TAG_INVALID', '404 NAME_UNKNOWN'],
    ])('refuses the reference %s, under which nothing can be found', async (reference, refusal, outcome) => {
      const manifests = `/v2/fresh/manifests/${reference}`;
      expect(outcomeOf(await caller.putManifest('fresh', reference, image))).toBe(refusal);
      expect(outcomeOf(await caller.call('GET', manifests))).toBe(outcome);
      expect(outcomeOf(await caller.call('DELETE', manifests))).toBe(outcome);
    });

    it('points the tags of its query at a manifest that comes under its digest', async () => {
      const digest = digestOf(JSON.stringify(image), 'sha512');
      const answer = await put(`${digest}?tag=v1&tag=latest`, image);
      expect([answer.status, answer.headers['oci-tag']]).toEqual([201, 'v1, latest']);
      for (const tag of ['v1', 'latest']) expect((await at(tag)).headers['docker-content-digest']).toBe(digest);
      expect(outcomeOf(await put(`${digest}?tag=v2&tag=-x`, image))).toBe('400 TAG_INVALID');
      expect((await at('v2')).status).toBe(404);
      expect((await put(digest, image)).headers).not.toHaveProperty('oci-tag');
      expect((await put('v1?tag=v3', image)).headers).not.toHaveProperty('oci-tag');
      expect((await at('v3')).status).toBe(404);
    });

    it('takes 4 MiB and not a byte more', async () => {
      const sized = (size: number): object => {
        const empty = JSON.stringify({ ...image, annotations: { filler: '' } }).length;
        return { ...image, annotations: { filler: 'x'.repeat(size - empty) } };
      };
      expect((await put('large', sized(MAX_MANIFEST_SIZE))).status).toBe(201);
      const tooLarge = sized(MAX_MANIFEST_SIZE + 1);
      expect(outcomeOf(await put('larger', tooLarge))).toBe('413 MANIFEST_INVALID');
      const headers = { 'content-type': OCI_MANIFEST };
      const body = streamed(JSON.stringify(tooLarge));
      const unannounced = await caller.call('PUT', '/v2/app/manifests/larger', { headers, body });
      expect(outcomeOf(unannounced)).toBe('413 MANIFEST_INVALID');
    });
  });

  it('reads nothing of a body that is announced as too large', async () => {
    const body = Readable.from([Buffer.from('x')], { objectMode: false });
    const headers = { 'content-length': String(MAX_MANIFEST_SIZE + 1) };
    const target = '/v2/app/manifests/v1';
    const answer = await new EmbeddedRegistry().handle({ method: 'PUT', target, headers, body });
    expect([answer.status, body.readableDidRead]).toEqual([413, false]);
  });

  describe('GET', () => {
    it('answers HEAD alike, without the body', async () => {
      await put('v1', image);
      const [got, headed] = [await at('v1'), await at('v1', 'HEAD')];
      expect(headed.headers).toEqual(got.headers);
      expect([got.body.length > 0, headed.body.length]).toEqual([true, 0]);
      expect(got.headers['content-length']).toBe(String(got.body.length));
    });

    it('tells an unknown manifest from an unknown repository', async () => {
      expect(outcomeOf(await at('v1'))).toBe('404 MANIFEST_UNKNOWN');
      expect(outcomeOf(await at(digestOf('x')))).toBe('404 MANIFEST_UNKNOWN');
      expect(outcomeOf(await caller.call('GET', '/v2/nobody/manifests/v1'))).toBe('404 NAME_UNKNOWN');
    });
  });

  describe('DELETE', () => {
    it('of a tag leaves the manifest and its other tags', async () => {
      const { digest } = await caller.pushManifest('app', 'v1', image);
      await put('latest', image);
      expect((await at('v1', 'DELETE')).status).toBe(202);
      expect(outcomeOf(await at('v1'))).toBe('404 MANIFEST_UNKNOWN');
      expect([(await at('latest')).status, (await at(digest)).status]).toEqual([200, 200]);
    });

    it('of a digest takes every tag on it', async () => {
      const { digest } = await caller.pushManifest('app', 'v1', image);
      await put('latest', image);
      await put('other', { ...image, layers: [] });
      expect((await at(digest, 'DELETE')).status).toBe(202);
      expect(jsonOf(await caller.call('GET', '/v2/app/tags/list'))).toEqual({ name: 'app', tags: ['other'] });
    });

    it('of what is not there is refused', async () => {
      expect(outcomeOf(await at('v1', 'DELETE'))).toBe('404 MANIFEST_UNKNOWN');
      expect(outcomeOf(await at(digestOf('x'), 'DELETE'))).toBe('404 MANIFEST_UNKNOWN');
      expect(outcomeOf(await caller.call('DELETE', '/v2/nobody/manifests/v1'))).toBe('404 NAME_UNKNOWN');
      expect(outcomeOf(await at('sha256:1', 'DELETE'))).toBe('400 DIGEST_INVALID');
    });
  });
});
