import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ArchiveImage, ArchiveLayer, ArchiveManifest } from '../../lib/archive/archive-image.js';
import { GzipCompressor } from '../../lib/compression/gzip-compressor.js';
import { isIndex, parseManifest } from '../../lib/oci/manifest.js';
import type { LayerCache } from '../../lib/transfer/layer-cache.js';
import { MemoryLayerCache } from '../../lib/transfer/memory-layer-cache.js';
import type { PushTarget } from '../../lib/transfer/plan.js';
import type { PushEvent } from '../../lib/transfer/progress.js';
import { pushImages } from '../../lib/transfer/push.js';
import { originalTargets } from '../../lib/transfer/targets.js';
import { gzipLayer, imageOf, indexOf, manifestOf, ociLayer, ociManifestOf, plainLayer } from './archive-model.js';
import { RecordingTransport } from './recording-transport.js';
import { servicesOver } from './services.js';

const RUNS = { seed: 20260930, numRuns: 150 };

const KINDS = { plain: plainLayer, packed: gzipLayer, described: ociLayer };

/** Of few contents, so that many are shared; each copy lies in a place of its own. */
const layer: fc.Arbitrary<ArchiveLayer> = fc
  .record({ kind: fc.constantFrom('plain', 'packed', 'described'), content: fc.nat(5), place: fc.nat(20) })
  .map(({ kind, content, place }) => {
    const entry = `${kind} ${content} in ${place}`;
    // A place holds one thing only.
    const position = 512 * (place + 21 * (content + 6 * Object.keys(KINDS).indexOf(kind)));
    return KINDS[kind](`layer ${content} `.repeat(1 + content * 50), { entry, position });
  });

const ociLayers = fc.array(
  fc.nat(5).map((content) => ociLayer(`layer ${content}`)),
  { maxLength: 4 },
);

const manifests: fc.Arbitrary<Pick<ArchiveImage, 'manifests' | 'indexes'>> = fc.oneof(
  fc.array(layer, { maxLength: 5 }).map((layers) => ({ manifests: [manifestOf(layers)], indexes: [] })),
  ociLayers.map((layers) => ({ manifests: [ociManifestOf(layers)], indexes: [] })),
  fc.tuple(ociLayers, ociLayers).map((both) => indexed(both.map((layers, i) => platformOf(layers, i)))),
);

function platformOf(layers: readonly ArchiveLayer[], i: number): ArchiveManifest {
  return ociManifestOf(layers, { platform: { os: 'linux', architecture: ['amd64', 'arm64'][i]! } });
}

function indexed(manifests: readonly ArchiveManifest[]): Pick<ArchiveImage, 'manifests' | 'indexes'> {
  return { manifests, indexes: [indexOf(manifests.map(({ raw }) => raw!))] };
}

/** Names no other image has, in few repositories, some under several registries. */
const images: fc.Arbitrary<ArchiveImage[]> = fc
  .array(
    fc.record({
      image: manifests,
      names: fc.array(
        fc.record({
          registry: fc.constantFrom('', 'a.example.com/', 'b.example.com/'),
          repository: fc.constantFrom('app', 'team/app', 'other'),
          version: fc.nat(2),
        }),
        { maxLength: 4 },
      ),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((all) =>
    all.map(({ image, names }, i) =>
      imageOf(image.manifests, {
        ...image,
        tags: names.map(({ registry, repository, version }) => `${registry}${repository}:${i}.${version}`),
      }),
    ),
  );

interface Pushed {
  transport: RecordingTransport;
  events: PushEvent[];
  /** What each PUT of a manifest names, and how much of the log was there before it. */
  manifests: { repository: string; reference: string; digests: string[]; at: number }[];
}

/** Notes what each manifest names at the moment it is sent. */
function recording(): Pushed {
  const transport = new RecordingTransport();
  const pushed: Pushed = { transport, events: [], manifests: [] };
  transport.before = async ({ method, url, body, headers }) => {
    const [, repository, reference] = /^\/v2\/(.+)\/manifests\/(.+)$/.exec(url.pathname) ?? [];
    if (method !== 'PUT' || !body || repository === undefined || reference === undefined) return;
    const chunks: Buffer[] = [];
    for await (const chunk of await body.open()) chunks.push(chunk as Buffer);
    const { manifest } = parseManifest(Buffer.concat(chunks), headers['content-type']);
    const named = isIndex(manifest) ? manifest.manifests : [manifest.config, ...manifest.layers];
    const at = transport.log.length;
    pushed.manifests.push({ repository, reference, digests: named.map(({ digest }) => digest), at });
  };
  return pushed;
}

/** `repository digest` of everything that was stored by the first `end` answers. */
function stored(log: readonly string[], end = log.length): string[] {
  const patterns = [
    /^PUT \/v2\/(.+)\/blobs\/uploads\/.*[?&]digest=(\S+) 201$/,
    /^POST \/v2\/(.+)\/blobs\/uploads\/\?digest=(\S+) 201$/,
    /^POST \/v2\/(.+)\/blobs\/uploads\/\?mount=([^&]+)&from=.* 201$/,
    /^PUT \/v2\/(.+)\/manifests\/(sha256:\S+) 201$/,
  ];
  return log.slice(0, end).flatMap((line) => {
    const [, repository, digest] = patterns.map((pattern) => pattern.exec(line)).find((match) => match) ?? [];
    return repository === undefined || digest === undefined ? [] : `${repository} ${decodeURIComponent(digest)}`;
  });
}

function isMixed(targets: readonly PushTarget[]): boolean {
  const layers = targets.flatMap(({ image }) => image.manifests.flatMap((manifest) => manifest.layers));
  const forms = new Set(layers.map((layer) => ('open' in layer ? `${layer.diffId} ${layer.packing}` : '')));
  return forms.size > new Set([...forms].map((form) => form.split(' ')[0])).size;
}

/** Packed, with nothing that says its digest: it has to be read to find out. */
function isUnnamed(layer: ArchiveManifest['layers'][number]): boolean {
  return 'open' in layer && layer.packing !== 'none' && layer.descriptor === undefined;
}

function withoutRegistry(tag: string): string {
  return tag.replace(/^[a-z]\.example\.com\//, '');
}

describe('pushImages, for any set of images, tags and repositories', () => {
  const job = fc.record({
    images: images.filter((all) => all.some(({ tags }) => tags.length > 0)),
    concurrency: fc.integer({ min: 1, max: 5 }),
    randomAccess: fc.boolean(),
    isKnowing: fc.boolean(),
    compressor: fc.constantFrom(new GzipCompressor(), undefined),
  });

  it('keeps its promises', async () => {
    await fc.assert(
      fc.asyncProperty(job, async ({ images, isKnowing, ...how }) => {
        const pushed = recording();
        const { transport, events } = pushed;
        const targets = originalTargets('registry.test', {})(images);
        const push = (cache?: LayerCache) =>
          pushImages(servicesOver(transport), {
            ...how,
            ...{ registry: 'registry.test', targets, layersFrom: [], cache, signal: undefined },
            onProgress: (event) => events.push(event),
          });
        const results = await push(isKnowing ? new MemoryLayerCache() : undefined);

        // One result per distinct tag, in the order of the archive.
        const names = images.flatMap(({ tags }) => tags.map(withoutRegistry));
        expect(results.map(({ repository, tag }) => `${repository}:${tag}`)).toEqual([...new Set(names)]);

        // Every digest at most once into a repository.
        const all = stored(transport.log);
        expect(all).toHaveLength(new Set(all).size);

        // Everything a manifest names before the manifest; nothing but tags at the end.
        for (const { repository, digests, at } of pushed.manifests) {
          const before = new Set(stored(transport.log, at));
          for (const digest of digests) expect(before).toContain(`${repository} ${digest}`);
        }
        expect(transport.log.slice(-results.length).every((line) => /\/manifests\/\d\.\d 201$/.test(line))).toBe(true);

        // Counts that only rise, up to the size of the content, and sums that are true.
        const counts = new Map<object, { read: number; sent: number }>();
        for (const event of events) {
          expect(event.state).not.toBe('retry');
          if (event.state !== 'progress') continue;
          const { read, sent } = counts.get(event.blob) ?? { read: 0, sent: 0 };
          expect(event.read >= read && event.sent >= sent && event.read <= event.blob.size).toBe(true);
          counts.set(event.blob, event);
        }
        const sent = [...counts.values()].reduce((sum, blob) => sum + blob.sent, 0);
        expect(results.reduce((sum, { bytesSent }) => sum + bytesSent, 0)).toBe(sent);

        // The same layer in two forms gets one of them the second time.
        if (isMixed(targets)) return;

        // Once more, with all that can be known now: the same images, and nothing read, sent or tagged.
        const [end, before] = [transport.log.length, events.length];
        const again = await push(new MemoryLayerCache());
        expect(again.map(({ digest, bytesSent }) => [digest, bytesSent])).toEqual(
          results.map(({ digest }) => [digest, 0]),
        );
        expect(stored(transport.log.slice(end))).toEqual([]);
        expect(transport.log.slice(end).filter((line) => /^P/.test(line))).toEqual([]);
        const isPacked = targets.some(({ image: { manifests } }) =>
          manifests.some(({ layers }) => layers.some(isUnnamed)),
        );
        expect(events.slice(before).some(({ state }) => state === 'progress')).toBe(isPacked);
      }),
      RUNS,
    );
  });
});
