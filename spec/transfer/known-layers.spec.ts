import { beforeEach, describe, expect, it } from '@jest/globals';
import { AuthenticationError, RegistryError } from '../../lib/errors.js';
import { MediaType } from '../../lib/oci/media-types.js';
import { GzipCompressor } from '../../lib/compression/gzip-compressor.js';
import { KnownLayers, type KnownLayersJob } from '../../lib/transfer/known-layers.js';
import type { CachedLayer, LayerCache } from '../../lib/transfer/layer-cache.js';
import type { Content } from '../../lib/transfer/layer-content.js';
import { MemoryLayerCache } from '../../lib/transfer/memory-layer-cache.js';
import { planWork, type PushTarget } from '../../lib/transfer/plan.js';
import type { SurveyServices } from '../../lib/transfer/repository-survey.js';
import { FakeTransport } from '../support/fake-transport.js';
import { gzipLayer, imageOf, manifestOf, ociLayer, ociManifestOf, plainLayer } from './archive-model.js';
import { RecordingTransport } from './recording-transport.js';
import { servicesOver } from './services.js';
import { descriptorOf, store } from './surveyed.js';

const gzip = new GzipCompressor();
const IMAGE = imageOf([manifestOf([plainLayer('base'), plainLayer('app')])]);
const [BASE, APP] = [descriptorOf({ plain: 'base' }), descriptorOf({ plain: 'app' })];

function targetsOf(...names: string[]): PushTarget[] {
  return names.map((name) => ({ image: IMAGE, repository: name.split(':')[0]!, tag: name.split(':')[1]! }));
}

describe('KnownLayers', () => {
  let transport: RecordingTransport;
  let services: SurveyServices;
  let cache: MemoryLayerCache;
  beforeEach(() => {
    transport = new RecordingTransport();
    services = servicesOver(transport);
    cache = new MemoryLayerCache();
  });

  function jobOf(targets: readonly PushTarget[], more: Partial<KnownLayersJob> = {}): KnownLayersJob {
    return {
      registry: 'registry.test',
      targets,
      blobs: planWork(targets, gzip).blobs,
      layersFrom: [],
      cache,
      signal: new AbortController().signal,
      ...more,
    };
  }

  function gather(targets: readonly PushTarget[], more: Partial<KnownLayersJob> = {}): Promise<KnownLayers> {
    transport.log.length = 0;
    return KnownLayers.gather(services, jobOf(targets, more));
  }

  const contents = new Map(
    planWork(targetsOf('app:1'), gzip).blobs.map(({ content }) => [content.entry.split('/')[0]!, content]),
  );
  const [base, app] = [contents.get('base')!, contents.get('app')!];

  function remember(content: Content, layer: Partial<CachedLayer>): void {
    cache.set(content.key, { digest: BASE.digest, size: BASE.size, repositories: [], ...layer });
  }

  describe('from the registry', () => {
    it('finds layers behind latest, behind tags it is told, and says where they are', async () => {
      await store(services, 'app:latest', [{ plain: 'base' }]);
      await store(services, 'app:nightly', [{ plain: 'app' }]);
      const known = await gather(targetsOf('app:2'), { layersFrom: ['nightly'] });
      expect(await known.find(base, ['app'])).toMatchObject({ descriptor: BASE, from: 'app' });
      expect(await known.find(app, ['app'])).toMatchObject({ descriptor: APP, from: 'app' });
    });

    it('finds them in the repository to mount from, where the same tags and those it is told are looked at', async () => {
      await store(services, 'team/base:2', [{ plain: 'base' }]);
      await store(services, 'team/base:nightly', [{ plain: 'app' }]);
      const known = await gather(targetsOf('app:2'), { mountFrom: 'team/base', layersFrom: ['nightly'] });
      expect(await known.find(base, ['app'])).toMatchObject({ descriptor: BASE, from: 'team/base' });
      expect(await known.find(app, ['app'])).toMatchObject({ descriptor: APP, from: 'team/base' });
    });

    it('takes the form that a repository has which needs it, rather than that of another', async () => {
      const [plain, other] = [{ plain: 'base' }, { plain: 'base', mediaType: MediaType.ociLayerGzip }];
      await store(services, 'base:1', [other]);
      await store(services, 'app:1', [plain]);
      const known = await gather(targetsOf('app:2'), { mountFrom: 'base' });
      expect((await known.find(base, ['app']))?.from).toBe('app');
    });

    it('knows each repository of its own', async () => {
      await store(services, 'b:1', [{ plain: 'base' }]);
      const known = await gather(targetsOf('a:1', 'b:1'));
      expect([known.holds('a', BASE.digest), known.holds('b', BASE.digest)]).toEqual([false, true]);
      expect(known.holds('c', BASE.digest)).toBe(false);
      expect(await known.find(base, ['a', 'b'])).toMatchObject({ from: 'b' });
    });

    it('knows what each tag is', async () => {
      const { descriptor } = await store(services, 'app:1', [{ plain: 'base' }]);
      const targets = targetsOf('app:1', 'app:2');
      const known = await gather(targets);
      expect(targets.map((target) => known.isTagged(target, descriptor.digest))).toEqual([true, false]);
      expect(known.isTagged(targets[0]!, APP.digest)).toBe(false);
    });

    it('asks a repository once, however many of its tags are pushed, and whether it is mounted from', async () => {
      await gather(targetsOf('app:1', 'app:2'), { mountFrom: 'app' });
      expect(transport.requests(/tags\/list/)).toHaveLength(1);
      expect(transport.requests(/manifests/)).toHaveLength(3);
    });

    it('asks nothing of the repository to mount from when there is nothing to compress', async () => {
      const image = imageOf([ociManifestOf([ociLayer('one')])]);
      await gather([{ image, repository: 'app', tag: '1' }], { mountFrom: 'base' });
      expect(transport.requests(/\/base\//)).toEqual([]);
    });

    it('does without what the repository to mount from does not tell', async () => {
      await store(services, 'app:1', [{ plain: 'base' }]);
      transport.before = ({ url }) => {
        if (!url.pathname.startsWith('/v2/secret')) return;
        throw new AuthenticationError('not for you', { code: 'DENIED', status: 401 });
      };
      const known = await gather(targetsOf('app:1'), { mountFrom: 'secret' });
      expect(await known.find(base, ['app'])).toMatchObject({ from: 'app' });
      expect(transport.requests(/secret/)).toHaveLength(1);
    });

    it('asks several repositories at the same time, when the first one has answered', async () => {
      const seen: number[] = [];
      let running = 0;
      transport.before = async () => {
        seen.push((running += 1));
        await new Promise((resolve) => setTimeout(resolve, 10));
        running -= 1;
      };
      await gather(targetsOf('a:1', 'b:1', 'c:1'));
      expect(seen[0]).toBe(1);
      expect(Math.max(...seen)).toBeGreaterThanOrEqual(3);
    });

    it.each([
      ['out of reach', new RegistryError('nobody listens', { code: 'ECONNREFUSED', retryable: true })],
      ['not for us', new AuthenticationError('wrong password', { code: 'UNAUTHORIZED', status: 401 })],
    ])('fails after one request when the registry is %s, however many repositories there are', async (_, error) => {
      const failing = new FakeTransport(() => {
        throw error;
      });
      const job = jobOf(targetsOf('a:1', 'a:2', 'b:1', 'c:1'), { mountFrom: 'base' });
      await expect(KnownLayers.gather(servicesOver(failing), job)).rejects.toBe(error);
      expect(failing.calls).toHaveLength(1);
    });
  });

  describe('from the cache', () => {
    it('finds what another push left, in a repository that needs it if it is there', async () => {
      remember(base, { repositories: ['registry.test/other', 'registry.test/app'] });
      const known = await gather(targetsOf('app:1'));
      const descriptor = { mediaType: MediaType.octetStream, digest: BASE.digest, size: BASE.size };
      expect(await known.find(base, ['app'])).toEqual({ descriptor, from: 'app' });
      expect(await known.find(base, ['third'])).toEqual({ descriptor, from: 'other' });
      expect(known.holds('app', BASE.digest)).toBe(false);
    });

    it('asks the registry first', async () => {
      await store(services, 'app:1', [{ plain: 'base' }]);
      remember(base, { digest: APP.digest, repositories: ['registry.test/app'] });
      expect((await (await gather(targetsOf('app:1'))).find(base, ['app']))?.descriptor.digest).toBe(BASE.digest);
    });

    it.each([
      ['another registry', ['other.test/app', 'registry.test:5000/app', 'registry.testing/app']],
      ['no repository', ['registry.test/', 'registry.test/../x', 'registry.test/UPPER', 'registry.test', '']],
    ])('takes no layer that is in %s', async (_, repositories) => {
      remember(base, { repositories });
      expect(await (await gather(targetsOf('app:1'))).find(base, ['app'])).toBeUndefined();
    });

    it('is nothing for contents that are not compressed', async () => {
      const known = await gather(targetsOf('app:1'));
      const image = imageOf([manifestOf([gzipLayer('packed')])]);
      for (const { content } of planWork([{ image, repository: 'app', tag: '1' }], gzip).blobs) {
        remember(content, { repositories: ['registry.test/app'] });
        expect(await known.find(content, ['app'])).toBeUndefined();
      }
    });
  });

  describe('for later', () => {
    const LAYER = { mediaType: 'any', digest: BASE.digest, size: BASE.size };

    it('remembers what a layer has become, and every repository that has it, the latest first', async () => {
      const known = await gather(targetsOf('app:1'));
      for (const repository of ['one', 'two', 'one']) await known.remember(base, LAYER, repository);
      const repositories = ['registry.test/one', 'registry.test/two'];
      expect(await cache.get(base.key)).toEqual({ digest: BASE.digest, size: BASE.size, repositories });
    });

    it('asks for the tag they went under last, and for nothing else if that tells all', async () => {
      await store(services, 'app:7', [{ plain: 'base' }, { plain: 'app' }]);
      const known = await gather(targetsOf('app:7'));
      for (const content of contents.values()) await known.remember(content, LAYER, 'app');
      await gather(targetsOf('app:8'));
      expect(transport.requests(/^(?!.*blobs)/)).toEqual(['GET /v2/app/manifests/7 200']);
    });

    it.each([
      ['another repository', ['registry.test/other'], '7'],
      ['another registry', ['other.test/app', 'registry.test/app'], '7'],
      ['no tag at all', ['registry.test/app'], undefined],
      ['what cannot be one', ['registry.test/app'], '../7'],
    ])('asks for no tag of %s', async (_, repositories, tag) => {
      remember(base, { repositories, ...(tag === undefined ? {} : { tag }) });
      await gather(targetsOf('app:8'));
      expect(transport.requests(/manifests/).sort()).toEqual([
        'GET /v2/app/manifests/8 404',
        'GET /v2/app/manifests/latest 404',
      ]);
    });

    it('remembers eight repositories', async () => {
      const known = await gather(targetsOf('app:1'));
      for (let i = 1; i <= 12; i++) await known.remember(base, LAYER, `r${i}`);
      expect((await cache.get(base.key))?.repositories).toEqual(
        [12, 11, 10, 9, 8, 7, 6, 5].map((i) => `registry.test/r${i}`),
      );
    });

    it('keeps those of other registries', async () => {
      remember(base, { repositories: ['other.test/app'] });
      await (await gather(targetsOf('app:1'))).remember(base, LAYER, 'app');
      expect((await cache.get(base.key))?.repositories).toEqual(['registry.test/app', 'other.test/app']);
    });

    it('forgets the others when the layer has become something else', async () => {
      remember(base, { digest: APP.digest, repositories: ['other.test/app'] });
      await (await gather(targetsOf('app:1'))).remember(base, LAYER, 'app');
      expect((await cache.get(base.key))?.repositories).toEqual(['registry.test/app']);
    });

    it('tells forms of a layer apart', async () => {
      const known = await gather(targetsOf('app:1'));
      await known.remember(base, LAYER, 'app');
      const zstd = { ...base, key: base.key.replace('gzip', 'zstd') };
      expect(await known.find(zstd, ['app'])).toBeUndefined();
    });

    it('remembers nothing of what is not compressed', async () => {
      const set: string[] = [];
      const watched: LayerCache = Object.assign(new MemoryLayerCache(), { set: (key: string) => void set.push(key) });
      const known = await gather(targetsOf('app:1'), { cache: watched });
      await known.remember({ ...base, compresses: false }, LAYER, 'app');
      expect(set).toEqual([]);
    });
  });
});
