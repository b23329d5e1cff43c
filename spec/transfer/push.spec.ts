import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import type { ArchiveImage, ArchiveLayer } from '../../lib/archive/archive-image.js';
import { TarArchive } from '../../lib/archive/tar-archive.js';
import type { Compressor } from '../../lib/compression/compressor.js';
import { GzipCompressor } from '../../lib/compression/gzip-compressor.js';
import { EmbeddedTransport } from '../../lib/embedded/embedded-transport.js';
import { AuthenticationError, InvalidArgumentError, RegistryError, ValidationError } from '../../lib/errors.js';
import { digestOf } from '../../lib/oci/digest.js';
import type { RawManifest } from '../../lib/oci/manifest.js';
import { BlobService, type PushedBlob } from '../../lib/services/blob-service.js';
import { ManifestService } from '../../lib/services/manifest-service.js';
import { MemoryLayerCache } from '../../lib/transfer/memory-layer-cache.js';
import type { PushTarget } from '../../lib/transfer/plan.js';
import type { PushEvent } from '../../lib/transfer/progress.js';
import { type PushedImage, pushImages, type PushJob } from '../../lib/transfer/push.js';
import { imageTar } from '../support/image-tar.js';
import { gzipLayer, imageOf, indexOf, manifestOf, ociLayer, ociManifestOf, plainLayer } from './archive-model.js';
import { RecordingTransport } from './recording-transport.js';
import { servicesOver } from './services.js';

const gzip = new GzipCompressor();

/** Said to be so large that it is packed while it is sent. */
function largeLayer(plain: string): ArchiveLayer {
  return plainLayer(plain, { size: 1024 * 1024 });
}

function targetsOf(image: ArchiveImage, ...names: string[]): PushTarget[] {
  return names.map((name) => ({ image, repository: name.split(':')[0]!, tag: name.split(':')[1]! }));
}

describe('pushImages', () => {
  let transport: RecordingTransport;
  let events: PushEvent[];
  beforeEach(() => {
    transport = new RecordingTransport();
    events = [];
  });

  function jobOf(targets: readonly PushTarget[], more: Partial<PushJob> = {}): PushJob {
    return {
      registry: 'registry.test',
      targets,
      compressor: gzip,
      layersFrom: [],
      cache: undefined,
      concurrency: 4,
      randomAccess: true,
      signal: undefined,
      onProgress: (event) => events.push(event),
      ...more,
    };
  }

  function push(targets: readonly PushTarget[], more: Partial<PushJob> = {}): Promise<PushedImage[]> {
    return pushImages(servicesOver(transport), jobOf(targets, more));
  }

  const states = (...wanted: PushEvent['state'][]) => events.filter(({ state }) => wanted.includes(state));

  describe('the order', () => {
    const image = imageOf([manifestOf([plainLayer('one'), gzipLayer('two'), plainLayer('three')])]);

    it('is every blob first, and then the manifest', async () => {
      await push(targetsOf(image, 'app:1', 'app:2'));
      const manifests = transport.places(/^PUT .*\/manifests\//);
      const blobs = transport.places(/\/blobs\//);
      expect(manifests).toHaveLength(2);
      expect(Math.min(...manifests)).toBeGreaterThan(Math.max(...blobs));
    });

    it('is the largest content first', async () => {
      const layers = [2, 3, 1].map((size) => plainLayer('x'.repeat(size * 1000), { position: size }));
      await push(targetsOf(imageOf([manifestOf(layers)]), 'app:1'), { concurrency: 1 });
      const sizes = events.flatMap((event) => (event.state === 'started' ? event.blob.size : []));
      expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
      expect(sizes).toHaveLength(4);
    });

    it('is what lies below an index before the index, innermost first, and the tag last', async () => {
      const children = ['amd64', 'arm64'].map((architecture) =>
        ociManifestOf([ociLayer(architecture)], { platform: { os: 'linux', architecture } }),
      );
      const inner = indexOf(children.map(({ raw }) => raw!));
      const outer = indexOf([inner]);
      await push(targetsOf(imageOf(children, { indexes: [inner, outer] }), 'app:1'));
      const puts = transport.requests(/^PUT .*\/manifests\//).map((line) => line.split(/[/ ]/)[5]);
      expect(puts.slice(0, 2).sort()).toEqual(children.map(({ raw }) => raw!.descriptor.digest).sort());
      expect(puts.slice(2)).toEqual([inner.descriptor.digest, '1']);
    });

    it('is no tag before everything is stored in every repository', async () => {
      const index = imageOf([ociManifestOf([ociLayer('one')])]);
      const indexed = { ...index, indexes: [indexOf([index.manifests[0]!.raw!])] };
      await push([...targetsOf(image, 'a:1'), ...targetsOf(indexed, 'b:1')]);
      const tags = transport.places(/^PUT .*\/manifests\/1 /);
      const rest = transport.places(/^(?!PUT .*\/manifests\/1 )/);
      expect(tags).toHaveLength(2);
      expect(Math.min(...tags)).toBeGreaterThan(Math.max(...rest));
    });
  });

  it('sends a manifest below an index once to a repository, whoever shares it', async () => {
    const shared = ociManifestOf([ociLayer('shared')]);
    const images = ['one', 'two'].map((name) => {
      const other = ociManifestOf([ociLayer(name)]);
      return imageOf([shared, other], { indexes: [indexOf([shared.raw!, other.raw!])] });
    });
    await push([...targetsOf(images[0]!, 'app:1', 'app:2'), ...targetsOf(images[1]!, 'app:3', 'other:1')]);
    const { digest } = shared.raw!.descriptor;
    expect(transport.requests(/^PUT .*\/manifests\/sha256/).filter((line) => line.includes(digest))).toEqual([
      `PUT /v2/app/manifests/${digest} 201`,
      `PUT /v2/other/manifests/${digest} 201`,
    ]);
  });

  it('links blobs into the second repository instead of sending them again', async () => {
    const image = imageOf([manifestOf([plainLayer('one'), gzipLayer('two')])]);
    const pushed = await push(targetsOf(image, 'a:1', 'b:1'));
    expect(transport.requests(/^POST \/v2\/b\/.*mount=.*&from=a 201$/)).toHaveLength(3);
    expect(transport.requests(/^(PUT|PATCH) \/v2\/b\/blobs/)).toEqual([]);
    expect(pushed.map(({ blobs, bytesSent }) => [blobs, bytesSent > 0])).toEqual([
      [{ uploaded: 3, mounted: 0, skipped: 0 }, true],
      [{ uploaded: 0, mounted: 3, skipped: 0 }, false],
    ]);
  });

  it('sends them again where the registry does not link', async () => {
    transport.before = (_, line) => {
      if (line.includes('mount=')) throw new RegistryError('no mounts here', { code: 'UNSUPPORTED', status: 405 });
    };
    const image = imageOf([manifestOf([plainLayer('one'), gzipLayer('two')])]);
    const [, second] = await push(targetsOf(image, 'a:1', 'b:1'));
    expect(second!.blobs).toEqual({ uploaded: 3, mounted: 0, skipped: 0 });
    expect(states('retry')).toEqual([]);
  });

  describe('a result', () => {
    const layer = ociLayer('layer');
    const manifest = ociManifestOf([layer]);
    const blobSize = layer.size + manifest.config.bytes.length;

    it('says where the image is and what is behind its tag', async () => {
      const [pushed] = await push(targetsOf(imageOf([manifest]), 'team/app:1'));
      const { digest, mediaType, size } = manifest.raw!.descriptor;
      expect(pushed).toEqual({
        reference: 'registry.test/team/app:1',
        repository: 'team/app',
        tag: '1',
        digest,
        mediaType,
        size: size + blobSize,
        blobs: { uploaded: 2, mounted: 0, skipped: 0 },
        bytesSent: blobSize,
        omitted: [],
      });
    });

    it('is there for each target, in their order', async () => {
      const [one, two] = [imageOf([manifestOf([plainLayer('one')])]), imageOf([manifestOf([plainLayer('two')])])];
      const targets = [...targetsOf(one, 'a:1', 'b:1'), ...targetsOf(two, 'a:2'), ...targetsOf(one, 'a:3')];
      const pushed = await push(targets);
      expect(pushed.map(({ repository, tag }) => `${repository}:${tag}`)).toEqual(['a:1', 'b:1', 'a:2', 'a:3']);
      expect(pushed[3]!.digest).toBe(pushed[0]!.digest);
    });

    it('counts a blob for the first tag of a repository that needs it, so that sums are true', async () => {
      const [base, one, two] = [plainLayer('base'), plainLayer('one'), plainLayer('two')];
      const [first, second] = [imageOf([manifestOf([base, one])]), imageOf([manifestOf([base, two])])];
      const pushed = await push([...targetsOf(first, 'app:1', 'app:2'), ...targetsOf(second, 'app:3')]);
      expect(pushed.map(({ blobs }) => blobs)).toEqual([
        { uploaded: 3, mounted: 0, skipped: 0 },
        { uploaded: 0, mounted: 0, skipped: 3 },
        { uploaded: 2, mounted: 0, skipped: 1 },
      ]);
      const sent = events.flatMap((event) => (event.state === 'uploaded' ? event.descriptor.size : []));
      expect(pushed.reduce((sum, { bytesSent }) => sum + bytesSent, 0)).toBe(sent.reduce((a, b) => a + b, 0));
    });

    it('counts what was there already as skipped', async () => {
      await push(targetsOf(imageOf([manifest]), 'app:1'));
      const [again] = await push(targetsOf(imageOf([manifest]), 'app:2'));
      expect(again).toMatchObject({ blobs: { uploaded: 0, mounted: 0, skipped: 2 }, bytesSent: 0 });
      expect(again!.size).toBe(manifest.raw!.descriptor.size + blobSize);
    });

    it('counts a blob once that the archive holds twice', async () => {
      const copies = [gzipLayer('same', { position: 512 }), gzipLayer('same', { position: 5120, entry: 'copy' })];
      const [pushed] = await push(targetsOf(imageOf([manifestOf(copies)]), 'app:1'));
      expect(pushed!.blobs).toEqual({ uploaded: 2, mounted: 0, skipped: 0 });
    });

    it('leaves foreign layers out of its size, which the registry does not hold', async () => {
      const foreign = { mediaType: 'foreign', digest: digestOf('far away'), size: 10 ** 9, urls: ['https://a.test/b'] };
      const [pushed] = await push(targetsOf(imageOf([manifestOf([{ entry: 'layer.tar', foreign }])]), 'app:1'));
      expect(pushed!.size).toBeLessThan(10_000);
      expect(transport.requests(new RegExp(foreign.digest))).toEqual([]);
    });

    it('of an index counts every manifest and every blob once', async () => {
      const [one, two] = [manifest, ociManifestOf([layer], { platform: { os: 'linux', architecture: 'arm64' } })];
      const index = indexOf([one.raw!, two.raw!]);
      const [pushed] = await push(targetsOf(imageOf([one, two], { indexes: [index] }), 'app:1'));
      const sizes = [one.raw!, two.raw!, index].map(({ descriptor }) => descriptor.size);
      expect(pushed!.digest).toBe(index.descriptor.digest);
      expect(pushed!.size).toBe(sizes.reduce((a, b) => a + b) + blobSize + two.config.bytes.length);
    });
  });

  describe('the events', () => {
    it('say what is planned before anything is sent', async () => {
      const image = imageOf([manifestOf([plainLayer('one'), plainLayer('three')])]);
      transport.before = () => expect(events.length).toBeGreaterThan(0);
      await push(targetsOf(image, 'a:1', 'b:1'));
      const bytes = image.manifests[0]!.config.bytes.length + 'one'.length + 'three'.length;
      expect(events[0]).toEqual({ state: 'planned', blobs: 3, bytes });
      expect(states('planned')).toHaveLength(1);
    });

    it('tell each blob from its start to its end, and each tag', async () => {
      const image = imageOf([manifestOf([plainLayer('one'), gzipLayer('two'), ociLayer('three')])]);
      const [pushed] = await push(targetsOf(image, 'app:1'));
      for (const { blob } of states('started') as Extract<PushEvent, { state: 'started' }>[]) {
        const own = events.filter((event) => 'blob' in event && event.blob === blob).map(({ state }) => state);
        expect([own[0], own.at(-1)]).toEqual(['started', 'uploaded']);
        expect(own.slice(1, -1).filter((state) => state !== 'progress')).toEqual([]);
      }
      expect(states('started')).toHaveLength(4);
      expect(states('tagged')).toEqual([{ state: 'tagged', reference: 'registry.test/app:1', digest: pushed!.digest }]);
      expect(events.at(-1)!.state).toBe('tagged');
    });

    it('count every byte read, and every byte sent', async () => {
      const image = imageOf([manifestOf([plainLayer('p'.repeat(5000)), ociLayer('o'.repeat(5000))])]);
      const [pushed] = await push(targetsOf(image, 'app:1'));
      const last = new Map<object, { read: number; sent: number }>();
      for (const event of events) if (event.state === 'progress') last.set(event.blob, event);
      const sum = (of: 'read' | 'sent') => [...last.values()].reduce((total, counts) => total + counts[of], 0);
      expect(sum('sent')).toBe(pushed!.bytesSent);
      expect(sum('read')).toBe(
        5000 + image.manifests[0]!.layers.map((layer) => ('size' in layer ? layer.size : 0))[1]!,
      );
    });

    it('never go backwards without a retry', async () => {
      let broken = 0;
      transport.before = async ({ body, method }) => {
        if (!body || method === 'PUT' || broken++ > 1) return;
        for await (const _chunk of await body.open()) break;
        throw new RegistryError('the connection broke', { code: 'ECONNRESET', retryable: true });
      };
      const image = imageOf([manifestOf([largeLayer('one'.repeat(2000)), largeLayer('two'.repeat(2000))])]);
      await push(targetsOf(image, 'app:1'));
      expect(states('retry').length).toBeGreaterThanOrEqual(2);
      const seen = new Map<object, { read: number; sent: number }>();
      for (const event of events) {
        if (event.state === 'retry') seen.delete(event.blob);
        if (event.state !== 'progress') continue;
        const before = seen.get(event.blob) ?? { read: 0, sent: 0 };
        expect(event.read).toBeGreaterThanOrEqual(before.read);
        expect(event.sent).toBeGreaterThanOrEqual(before.sent);
        expect(event.read).toBeLessThanOrEqual(event.blob.size);
        seen.set(event.blob, event);
      }
    });

    it('warn of what the archive lists but does not hold, once for an image, with nothing that steers a terminal', async () => {
      const omitted = ['linux/s390x sha256:1', 'linux/\u001b[2Jevil sha256:2'];
      const image = imageOf([manifestOf([])], { omitted });
      const pushed = await push(targetsOf(image, 'app:1', 'app:2'));
      expect(states('warning')).toEqual([
        {
          state: 'warning',
          message: 'not in the archive, and not pushed: linux/s390x sha256:1, linux/\\u001b[2Jevil sha256:2',
        },
      ]);
      expect(pushed.map((image) => image.omitted)).toEqual([omitted, omitted]);
    });
  });

  describe('when something fails', () => {
    const image = imageOf([manifestOf([largeLayer('one'), largeLayer('two'), largeLayer('three')])]);

    it('is the first failure that is reported, and nothing is sent afterwards', async () => {
      const first = new RegistryError('the disk of the registry is full', { code: 'UNKNOWN', status: 507 });
      let failedAt: number | undefined;
      transport.before = async ({ method, signal }) => {
        if (method !== 'PATCH') return;
        if (failedAt === undefined) {
          failedAt = transport.log.length;
          throw first;
        }
        await delay(5_000, undefined, signal ? { signal } : {});
      };
      await expect(push(targetsOf(image, 'app:1'))).rejects.toBe(first);
      const { length } = transport.log;
      await delay(50);
      expect(transport.log).toHaveLength(length);
      expect(transport.requests(/\/manifests\//)).toEqual([]);
    });

    it('gives every open session back', async () => {
      transport.before = ({ method }, line) => {
        if (method === 'PATCH' && !line.includes('never'))
          throw new RegistryError('refused', { code: 'DENIED', status: 403 });
      };
      await expect(push(targetsOf(image, 'app:1'))).rejects.toThrow('refused');
      const opened = transport.requests(/^POST .* 202$/).length;
      const ended = transport.requests(/^(DELETE .*\/uploads\/.* 204|PUT .*\/uploads\/.* 201)$/).length;
      expect(ended).toBe(opened);
    });

    it('stops what the siblings read', async () => {
      const opened: { destroyed: boolean }[] = [];
      const slow = plainLayer('slow'.repeat(5000));
      const stuck = { ...slow, open: () => opened[opened.push(slow.open()) - 1] as ReturnType<ArchiveLayer['open']> };
      const wrong = plainLayer('wrong', { diffId: digestOf('right') });
      transport.before = async ({ body, signal }) => {
        if (body && opened.length > 0) await delay(20, undefined, signal ? { signal } : {}).catch(() => undefined);
      };
      await expect(push(targetsOf(imageOf([manifestOf([stuck, wrong])]), 'app:1'))).rejects.toBeInstanceOf(
        ValidationError,
      );
      expect(opened.every(({ destroyed }) => destroyed)).toBe(true);
    });

    it('does not tag when one of many manifests is refused', async () => {
      const index = imageOf([ociManifestOf([ociLayer('one')])]);
      const indexed = { ...index, indexes: [indexOf([index.manifests[0]!.raw!])] };
      transport.before = (_, line) => {
        if (/^PUT .*\/manifests\/sha256/.test(line)) throw new RegistryError('refused', { code: 'MANIFEST_INVALID' });
      };
      await expect(push(targetsOf(indexed, 'app:1', 'app:2'))).rejects.toThrow('refused');
      expect(transport.requests(/^PUT .*\/manifests\/[12] /)).toEqual([]);
    });

    it.each([
      ['plain', plainLayer('wrong', { diffId: digestOf('right') })],
      ['packed', gzipLayer('wrong', { diffId: digestOf('right') })],
      ['described', ociLayer('wrong', { diffId: digestOf('right') })],
    ])('stores no manifest over a %s layer that is another than the config says', async (_, layer) => {
      await expect(push(targetsOf(imageOf([manifestOf([layer, plainLayer('good')])]), 'app:1'))).rejects.toMatchObject({
        name: 'ValidationError',
        problems: [{ entry: layer.entry, message: expect.stringContaining('diff_id') }],
      });
      expect(transport.requests(/\/manifests\//)).toEqual([]);
    });

    it('reports what the listener throws, and stores no manifest', async () => {
      const onProgress = (event: PushEvent) => {
        if (event.state === 'uploaded') throw new Error('the listener is broken');
      };
      await expect(push(targetsOf(image, 'app:1'), { onProgress })).rejects.toThrow('the listener is broken');
      expect(transport.requests(/\/manifests\//)).toEqual([]);
    });
  });

  describe('when the caller aborts', () => {
    const image = imageOf([manifestOf([plainLayer('one'), plainLayer('two')])]);

    it.each<[string, (event: PushEvent) => boolean]>([
      ['before anything is sent', ({ state }) => state === 'planned'],
      ['while a blob begins', ({ state }) => state === 'started'],
      ['while a blob is sent', (event) => event.state === 'progress' && event.sent > 0],
      ['between the blobs and the manifest', (event) => event.state === 'uploaded' && states('uploaded').length === 3],
    ])('%s, it rejects with the reason and tags nothing', async (_, isTime) => {
      const caller = new AbortController();
      const reason = new Error('enough');
      const onProgress = (event: PushEvent) => {
        events.push(event);
        if (isTime(event)) caller.abort(reason);
      };
      await expect(push(targetsOf(image, 'app:1'), { signal: caller.signal, onProgress })).rejects.toBe(reason);
      expect(transport.requests(/^PUT .*\/manifests\/.* 201/)).toEqual([]);
      const opened = transport.requests(/^POST .* 202$/).length;
      expect(transport.requests(/^(DELETE .*\/uploads\/.* 204|PUT .*\/uploads\/.* 201)$/)).toHaveLength(opened);
    });

    it('rejects with a reason that is no error, too', async () => {
      const signal = AbortSignal.abort('never');
      await expect(push(targetsOf(image, 'app:1'), { signal })).rejects.toBe('never');
      expect(transport.log).toEqual([]);
    });

    it('leaves no listener on the signal of the caller', async () => {
      const { signal } = new AbortController();
      const add = jest.spyOn(signal, 'addEventListener');
      const remove = jest.spyOn(signal, 'removeEventListener');
      await push(targetsOf(image, 'app:1'), { signal });
      expect(add.mock.calls.length).toBe(remove.mock.calls.length);
    });
  });

  describe('concurrency', () => {
    const many = Array.from({ length: 12 }, (_, i) => plainLayer(`layer ${i}`));
    const image = imageOf([manifestOf(many)]);

    it.each([1, 3])('bounds the uploads under way to %p', async (concurrency) => {
      transport.before = () => delay(1);
      await push(targetsOf(image, 'app:1', 'app:2', 'app:3', 'app:4'), { concurrency });
      expect(transport.mostBodies).toBe(concurrency);
    });

    it.each([1, 3])('of %p counts large and small blobs together', async (concurrency) => {
      const mixed = many.map((layer, i) => (i % 2 === 0 ? layer : { ...layer, size: 1024 * 1024 }));
      transport.before = () => delay(5);
      await push(targetsOf(imageOf([manifestOf(mixed)]), 'app:1'), { concurrency, cache: new MemoryLayerCache() });
      expect(transport.mostBodies).toBe(concurrency);
    });

    it.each([0, 1.5, NaN])('of %p is refused before anything is sent', async (concurrency) => {
      for (const randomAccess of [true, false]) {
        await expect(push(targetsOf(image, 'app:1'), { concurrency, randomAccess })).rejects.toThrow(
          InvalidArgumentError,
        );
      }
      expect([transport.log, events]).toEqual([[], []]);
    });
  });

  describe('an archive that is read in its order', () => {
    it('is read one content after the other, in the order they stand', async () => {
      let open = 0;
      const watched = (layer: ArchiveLayer): ArchiveLayer => ({
        ...layer,
        open: () => {
          expect((open += 1)).toBe(1);
          return layer.open().once('close', () => (open -= 1));
        },
      });
      const layers = [3, 1, 2].map((n) =>
        watched(plainLayer(`layer ${n} `.repeat(100 * (4 - n)), { position: n * 1000, entry: `layer ${n}` })),
      );
      const image = imageOf([manifestOf(layers)]);
      await push(targetsOf(image, 'app:1'), { randomAccess: false, concurrency: 8 });
      const entries = events.flatMap((event) => (event.state === 'started' ? event.blob.entry : []));
      expect(entries).toEqual([image.manifests[0]!.config.entry, 'layer 1', 'layer 2', 'layer 3']);
      expect(transport.mostBodies).toBe(1);
    });

    it('is a tar that is packed whole', async () => {
      const archive = await TarArchive.open(imageTar({ format: 'skopeo', outer: 'gzip' }).tar);
      const [image] = archive.images as [ArchiveImage];
      const pushed = await push(targetsOf(image, 'app:1'), { randomAccess: archive.randomAccess });
      expect(transport.mostBodies).toBe(1);
      expect(pushed[0]!.blobs.uploaded).toBe(3);
      await archive.close();
    });
  });

  describe('with services of the caller', () => {
    it('asks them for one blob after the other, and for the manifest when all are there', async () => {
      const calls: string[] = [];
      const pushed = (digest: string): PushedBlob => ({
        descriptor: { mediaType: 'blob', digest, size: 1 },
        outcome: 'uploaded',
        bytesSent: 1,
      });
      const blobs = Object.assign(Object.create(BlobService.prototype) as BlobService, {
        push: jest.fn((repository: string, { descriptor }: { descriptor: { digest: string } }) => {
          calls.push(`push to ${repository}`);
          return Promise.resolve(pushed(descriptor.digest));
        }),
        pushStream: jest.fn((repository: string) => {
          calls.push(`stream to ${repository}`);
          return Promise.resolve(pushed(digestOf(String(calls.length))));
        }),
      });
      const manifests = Object.assign(Object.create(ManifestService.prototype) as ManifestService, {
        push: jest.fn((repository: string, reference: string, { descriptor }: RawManifest) => {
          calls.push(`manifest to ${repository}:${reference}`);
          return Promise.resolve(descriptor);
        }),
      });
      const image = imageOf([manifestOf([largeLayer('one'), largeLayer('two'), ociLayer('three')])]);
      const job = jobOf(targetsOf(image, 'app:1'));
      const [result] = await pushImages({ ...servicesOver(transport), blobs, manifests }, job);
      expect(calls.slice(0, 4).sort()).toEqual(['push to app', 'push to app', 'stream to app', 'stream to app']);
      expect(calls.slice(4)).toEqual(['manifest to app:1']);
      expect(result!.blobs.uploaded).toBe(4);
    });
  });

  describe('with what is known', () => {
    let registry: EmbeddedTransport;
    let read: string[];
    beforeEach(() => {
      registry = new EmbeddedTransport();
      transport = new RecordingTransport(registry);
      read = [];
    });

    const watched = (plain: string, position: number): ArchiveLayer => {
      const layer = plainLayer(plain, { position });
      return { ...layer, open: () => (read.push(plain), layer.open()) };
    };
    const imageWith = (...layers: string[]) => imageOf([manifestOf(layers.map((plain, i) => watched(plain, i * 512)))]);
    const SEVEN = ['one', 'two', 'three', 'four', 'five', 'six', 'seven'];

    /** As from a machine whose disk is empty, unless it is given a cache. */
    function again(targets: readonly PushTarget[], more: Partial<PushJob> = {}): Promise<PushedImage[]> {
      transport = new RecordingTransport(registry);
      read = [];
      events = [];
      return push(targets, { cache: new MemoryLayerCache(), ...more });
    }

    const sent = () => transport.requests(/^(POST|PATCH|PUT)/);

    it('does nothing when the tag has the image already, and says that it is tagged', async () => {
      const [first] = await again(targetsOf(imageWith(...SEVEN), 'app:1'));
      const [second] = await again(targetsOf(imageWith(...SEVEN), 'app:1'));
      expect(transport.log).toEqual(['GET /v2/app/manifests/1 200']);
      expect(read).toEqual([]);
      expect(second).toEqual({ ...first, blobs: { uploaded: 0, mounted: 0, skipped: 8 }, bytesSent: 0 });
      expect(states('tagged')).toHaveLength(1);
    });

    it('reads no layer of an image under a new tag, and sends its manifest only', async () => {
      const [first] = await again(targetsOf(imageWith(...SEVEN), 'app:1'));
      const [second] = await again(targetsOf(imageWith(...SEVEN), 'app:2'));
      expect(second!.digest).toBe(first!.digest);
      expect([read, sent()]).toEqual([[], ['PUT /v2/app/manifests/2 201']]);
      expect(transport.log.length).toBeLessThanOrEqual(8);
      expect(states('progress')).toEqual([]);
    });

    it('reads and sends the one layer of seven that has changed', async () => {
      await again(targetsOf(imageWith(...SEVEN), 'app:1'));
      const [pushed] = await again(targetsOf(imageWith(...SEVEN.slice(0, 6), 'changed'), 'app:2'));
      expect(read).toEqual(['changed']);
      expect(pushed!.blobs).toEqual({ uploaded: 2, mounted: 0, skipped: 6 });
    });

    it('finds them behind tags it is told to look at', async () => {
      const others = Array.from({ length: 5 }, (_, i) => targetsOf(imageWith(`other ${i}`), `app:v1.${i}`));
      for (const target of [...others, targetsOf(imageWith(...SEVEN), 'app:nightly')]) await again(target);
      await again(targetsOf(imageWith('one'), 'app:v1.8'));
      expect(read).toEqual(['one']);
      await again(targetsOf(imageWith(...SEVEN, 'eight'), 'app:v1.9'), { layersFrom: ['nightly'] });
      expect(read).toEqual(['eight']);
    });

    it('links them from the repository to mount from', async () => {
      await again(targetsOf(imageWith(...SEVEN), 'base:1'));
      const [pushed] = await again(targetsOf(imageWith(...SEVEN), 'app:1'), { mountFrom: 'base' });
      expect(read).toEqual([]);
      expect(pushed!.blobs).toMatchObject({ skipped: 0 });
      expect(pushed!.blobs.mounted).toBeGreaterThanOrEqual(7);
    });

    it('reads them when the repository to mount from cannot be read, or does not have them', async () => {
      transport.before = ({ scopes, url }) => {
        if (!url.pathname.includes('/base/') && !scopes?.some((scope) => scope.includes(':base:'))) return;
        throw new AuthenticationError('not for you', { code: 'DENIED', status: 401 });
      };
      const { before } = transport;
      const own = transport;
      await push(targetsOf(imageWith(...SEVEN), 'app:1'), { mountFrom: 'base', cache: new MemoryLayerCache() });
      expect(own.before).toBe(before);
      expect([...read].sort()).toEqual([...SEVEN].sort());
      await again(targetsOf(imageWith('new'), 'third:1'), { mountFrom: 'nowhere' });
      expect(read).toEqual(['new']);
    });

    it('links them from where the cache says they are, although no tag tells', async () => {
      const cache = new MemoryLayerCache();
      await again(targetsOf(imageWith(...SEVEN), 'team/old:1'), { cache });
      const [pushed] = await again(targetsOf(imageWith(...SEVEN), 'app:1'), { cache });
      expect(read).toEqual([]);
      expect(pushed!.blobs).toEqual({ uploaded: 1, mounted: 7, skipped: 0 });
    });

    it('reads them when the cache is wrong', async () => {
      const cache = new MemoryLayerCache();
      await again(targetsOf(imageWith(...SEVEN), 'team/old:1'), { cache });
      registry = new EmbeddedTransport();
      const [pushed] = await again(targetsOf(imageWith(...SEVEN), 'app:1'), { cache });
      expect([...read].sort()).toEqual([...SEVEN].sort());
      expect(pushed!.blobs.uploaded).toBe(8);
    });

    it('gives several repositories one image, whatever form of a layer each of them has', async () => {
      const level9: Compressor = { packing: 'gzip', compress: (source) => source.pipe(createGzip({ level: 9 })) };
      const plain = 'the same layer '.repeat(500);
      await again(targetsOf(imageWith(plain), 'a:1'));
      await again(targetsOf(imageWith(plain), 'b:1'), { compressor: level9 });
      const manifest = async (name: string, tag: string) =>
        (await servicesOver(new RecordingTransport(registry)).manifests.fetch(name, tag)).descriptor.digest;
      expect(await manifest('a', '1')).not.toBe(await manifest('b', '1'));
      const pushed = await again(targetsOf(imageWith(plain), 'a:2', 'b:2'));
      expect(read).toEqual([]);
      expect(pushed[0]!.digest).toBe(pushed[1]!.digest);
      expect(pushed[0]!.digest).toBe(await manifest('b', '2'));
      expect(pushed[1]!.blobs).toEqual({ uploaded: 0, mounted: 1, skipped: 1 });
    });

    it('keeps what it learned also when it fails in the end', async () => {
      const flush = jest.fn(() => Promise.resolve());
      const cache = Object.assign(new MemoryLayerCache(), { flush });
      transport.before = (_, line) => {
        if (line.startsWith('PUT /v2/app/manifests/')) throw new RegistryError('full', { code: 'FULL', status: 507 });
      };
      await expect(push(targetsOf(imageWith('one'), 'app:1'), { cache })).rejects.toThrow('full');
      expect(flush).toHaveBeenCalledTimes(1);
    });

    describe('that is not so', () => {
      const warnings = () => states('warning');

      async function lose(plain: string): Promise<void> {
        const { blobs, manifests } = servicesOver(new RecordingTransport(registry));
        const { manifest } = await manifests.fetch('app', '1');
        const layers = 'layers' in manifest ? manifest.layers : [];
        await blobs.delete('app', layers[SEVEN.indexOf(plain)]!.digest);
      }

      it('does all once more when a blob is gone behind a manifest, with one warning', async () => {
        await again(targetsOf(imageWith(...SEVEN), 'app:1'));
        await lose('three');
        const [pushed] = await again(targetsOf(imageWith(...SEVEN), 'app:2'));
        expect(warnings()).toEqual([
          {
            state: 'warning',
            message: expect.stringMatching(/^all blobs are looked for anew, because .*MANIFEST_BLOB_UNKNOWN/),
          },
        ]);
        expect(states('planned')).toHaveLength(2);
        expect(states('tagged')).toHaveLength(1);
        expect(read).toContain('three');
        expect(transport.requests(/^PUT .*manifests/)).toEqual([
          'PUT /v2/app/manifests/2 400',
          'PUT /v2/app/manifests/2 201',
        ]);
        expect(pushed!.blobs.uploaded).toBeGreaterThanOrEqual(1);
      });

      it('sends the blob again that the registry names, though it says that it has it', async () => {
        const layer = ociLayer('one');
        const target = targetsOf(imageOf([manifestOf([layer])]), 'app:1');
        await again(target);
        const digest = layer.descriptor!.digest;
        let isFirst = true;
        transport.before = (_, line) => {
          if (!line.startsWith('PUT /v2/app/manifests/') || !isFirst) return;
          isFirst = false;
          const errors = [{ code: 'MANIFEST_BLOB_UNKNOWN', message: 'blob unknown', detail: { digest } }];
          throw new RegistryError('gone', { code: 'MANIFEST_BLOB_UNKNOWN', status: 404, errors });
        };
        const { before } = transport;
        transport = new RecordingTransport(registry);
        transport.before = before!;
        await push(targetsOf(imageOf([manifestOf([layer])]), 'app:2'), { cache: new MemoryLayerCache() });
        expect(transport.requests(new RegExp(`^(POST|PUT) .*uploads.*${digest.slice(7)}`))).toHaveLength(1);
      });

      it('fails when it is gone once more', async () => {
        transport.before = (_, line) => {
          if (!line.startsWith('PUT /v2/app/manifests/')) return;
          throw new RegistryError('still gone', { code: 'MANIFEST_BLOB_UNKNOWN', status: 400 });
        };
        const pushing = push(targetsOf(imageWith('one'), 'app:1'), { cache: new MemoryLayerCache() });
        await expect(pushing).rejects.toThrow('still gone');
        expect(warnings()).toHaveLength(1);
        expect(transport.requests(/^PUT .*manifests/)).toHaveLength(2);
      });

      it('is no reason to do it again when nothing was believed, or it fails otherwise', async () => {
        for (const [code, cache] of [
          ['MANIFEST_BLOB_UNKNOWN', undefined],
          ['MANIFEST_INVALID', new MemoryLayerCache()],
        ] as const) {
          transport = new RecordingTransport();
          transport.before = (_, line) => {
            if (line.startsWith('PUT /v2/app/manifests/')) throw new RegistryError('no', { code, status: 400 });
          };
          await expect(push(targetsOf(imageWith('one'), 'app:1'), { cache })).rejects.toThrow('no');
          expect(transport.requests(/^PUT .*manifests/)).toHaveLength(1);
        }
        expect(warnings()).toEqual([]);
      });

      it('ends with the reason of the caller’s signal', async () => {
        const abort = new AbortController();
        transport.before = (_, line) => {
          if (!line.startsWith('PUT /v2/app/manifests/')) return;
          abort.abort(new Error('enough'));
          throw new RegistryError('gone', { code: 'MANIFEST_BLOB_UNKNOWN', status: 400 });
        };
        const job = { cache: new MemoryLayerCache(), signal: abort.signal };
        await expect(push(targetsOf(imageWith('one'), 'app:1'), job)).rejects.toThrow('enough');
        expect(warnings()).toEqual([]);
      });
    });

    it.each([
      ['out of reach', new RegistryError('nobody listens', { code: 'ECONNREFUSED', retryable: true })],
      ['not for us', new AuthenticationError('wrong password', { code: 'UNAUTHORIZED', status: 401 })],
    ])('fails once when the registry is %s', async (_, error) => {
      transport.before = () => {
        throw error;
      };
      const cache = new MemoryLayerCache();
      await expect(push(targetsOf(imageWith(...SEVEN), 'app:1', 'app:2', 'b:1'), { cache })).rejects.toBe(error);
      expect(transport.log).toHaveLength(1);
      expect(read).toEqual([]);
    });
  });

  describe('of two layers that claim to be the same', () => {
    const lying = () => plainLayer('another', { position: 4096, diffId: plainLayer('one').diffId! });

    it.each([
      ['packed on the way', { compressor: gzip }],
      ['plain', { compressor: undefined }],
    ])('takes none when one of them lies, %s', async (_, job) => {
      const image = imageOf([manifestOf([plainLayer('one'), lying()])]);
      const error = await push(targetsOf(image, 'app:1'), job).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(ValidationError);
      expect(transport.requests(/manifests/)).toEqual([]);
    });

    it('sends one when both are right', async () => {
      const image = imageOf([manifestOf([plainLayer('one'), plainLayer('one', { position: 4096 })])]);
      const [pushed] = await push(targetsOf(image, 'app:1'));
      expect(pushed!.blobs.uploaded).toBe(2);
    });
  });

  it('does the same a second time, and then sends nothing but the manifest', async () => {
    const image = imageOf([manifestOf([gzipLayer('one'), ociLayer('two')])]);
    const registry = new EmbeddedTransport();
    transport = new RecordingTransport(registry);
    const first = await push(targetsOf(image, 'app:1'));
    transport = new RecordingTransport(registry);
    const second = await push(targetsOf(image, 'app:1'));
    expect(second[0]!.digest).toBe(first[0]!.digest);
    expect(transport.requests(/^(POST|PUT|PATCH)/)).toEqual(['PUT /v2/app/manifests/1 201']);
  });
});
