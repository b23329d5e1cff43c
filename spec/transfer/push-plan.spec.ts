import { describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  AuthenticationError,
  type Compressor,
  InvalidArgumentError,
  type PlanInput,
  RegistryClient,
  type RegistryClientConfig,
  ValidationError,
} from '../../lib/index.js';
import {
  EmbeddedRegistry,
  EmbeddedTransport,
  Personality,
  type PersonalityName,
  type RegistryHandler,
  startTestRegistry,
} from '../../lib/testing/index.js';
import { defaultFile } from '../../lib/transfer/disk-layer-cache.js';
import { OciLayout } from '../archive/oci-layout.js';
import { noise, text, toBuffer } from '../support/content.js';
import { imageTar } from '../support/image-tar.js';
import { expectOnlyQuestions, planAndPush } from '../support/planned-push.js';
import { tarContent } from '../support/tar-builder.js';

/** Those with tags of their own. */
const FIXTURES = (await readdir('spec/fixtures')).filter((name) =>
  /^docker-.*multi.*\.tar$|^skopeo-d.*\.tar$/.test(name),
);
const IMAGES = (await readdir('spec/fixtures')).filter((name) => /^(?!.*missing-blobs).*\.tar$/.test(name));

const LAYERS = [text(400_000, 'large'), text(300_000, 'next'), text(100_000, 'small'), text(1000, 'tiny')];
const IMAGE = imageTar({ format: 'docker-25', layers: LAYERS }).tar;
const CHANGED = imageTar({ format: 'docker-25', layers: [...LAYERS.slice(0, 3), text(1000, 'changed')] }).tar;

function registryAs(personality?: PersonalityName): RegistryClientConfig {
  const registry = new EmbeddedRegistry();
  return over(personality === undefined ? registry : new Personality(registry, personality));
}

function over(handler: RegistryHandler): RegistryClientConfig {
  return { url: 'http://registry.test', transport: new EmbeddedTransport(handler) };
}

describe('a plan of a push', () => {
  describe.each<[PersonalityName | 'the spec', 'gzip' | 'none']>([
    ['the spec', 'gzip'],
    ['the spec', 'none'],
    ['distribution-2.8', 'gzip'],
    ['distribution-3', 'none'],
    ['ecr', 'gzip'],
    ['ghcr', 'gzip'],
    ['google', 'none'],
    ['docker-hub', 'gzip'],
  ])('to a registry like %s, with %s for plain layers', (name, compression) => {
    it('comes true cold, again, for a new tag, a changed layer and another repository', async () => {
      const config = registryAs(name === 'the spec' ? undefined : name);
      const push = (tar: Buffer, reference: string, options = {}) =>
        planAndPush(config, tar, reference, { compression, ...options });
      const cold = await push(IMAGE, 'team/app:1');
      expect(cold.plan.counts).toEqual({ send: 5, mount: 0, skip: 0, known: 0 });
      const again = await push(IMAGE, 'team/app:1');
      expect(again.plan).toMatchObject({ counts: { send: 0, known: 5 }, tags: [{ action: 'keep' }] });
      expect(again.plan.requests).toEqual({ atLeast: 1, atMost: 1 });
      const retagged = await push(IMAGE, 'team/app:2');
      expect(retagged.plan).toMatchObject({ counts: { send: 0, known: 5 }, tags: [{ action: 'set' }] });
      expect(retagged.plan.requests.atLeast).toBe(retagged.plan.requests.atMost);
      const changed = await push(CHANGED, 'team/app:1');
      expect(changed.plan.counts).toEqual({ send: 2, mount: 0, skip: 0, known: 3 });
      expect(changed.plan.tags[0]!.before).toBe(cold.pushed[0]!.digest);
      const mounted = await push(CHANGED, 'team/other:1', { mountFrom: 'team/app' });
      expect(mounted.plan.counts).toEqual({ send: 0, mount: 5, skip: 0, known: 0 });
      expect(mounted.plan.requests.atLeast).toBe(mounted.plan.requests.atMost);
    });
  });

  describe('of what real programs wrote', () => {
    it.each(FIXTURES)('comes true for the original tags of %s', async (name) => {
      const config = registryAs();
      const cold = await planAndPush(config, join('spec/fixtures', name), undefined);
      expect(cold.plan.counts.send).toBeGreaterThan(0);
      const again = await planAndPush(config, join('spec/fixtures', name), undefined);
      expect(again.plan).toMatchObject({ bytes: 0, isExact: true });
      expect(new Set(again.plan.tags.map(({ action }) => action))).toEqual(new Set(['keep']));
    });

    it.each(IMAGES)('comes true for an image of %s under a name', async (name) => {
      const config = registryAs('distribution-3');
      await planAndPush(config, join('spec/fixtures', name), 'team/app', { image: 0 });
      const again = await planAndPush(config, join('spec/fixtures', name), 'team/app:again', { image: 0 });
      expect(again.plan).toMatchObject({ counts: { send: 0 }, tags: [{ action: 'set' }] });
    });

    it('comes true for one platform, with all its layers in the repository', async () => {
      const config = registryAs();
      const file = 'spec/fixtures/skopeo-oci-archive-multi-platform.tar';
      const one = await planAndPush(config, file, 'team/app', { platform: 'linux/arm64' });
      const all = await planAndPush(config, file, 'team/app:all');
      expect(all.plan.blobs.length).toBeGreaterThan(one.plan.blobs.length);
    });
  });

  describe('of an image for several repositories', () => {
    const tags = ['one/app:1', 'two/app:1', 'two/app:2'];

    it('sends to the first and links into the others, before any digest is known', async () => {
      const tar = imageTar({ format: 'docker-25', layers: LAYERS, tags }).tar;
      const { plan } = await planAndPush(registryAs(), tar, undefined);
      expect(plan.counts).toEqual({ send: 5, mount: 5, skip: 0, known: 0 });
      const linked = plan.blobs.filter(({ action }) => action === 'mount');
      expect(new Set(linked.map(({ repository, from }) => `${from} ${repository}`))).toEqual(
        new Set(['one/app two/app']),
      );
    });
  });

  describe('of equal layers', () => {
    it('counts what turns out to be one blob once', async () => {
      const layers = [text(90_000, 'twice'), text(90_000, 'twice'), text(500, 'once')];
      for (const format of ['docker-24', 'docker-25', 'crane'] as const) {
        const { plan } = await planAndPush(registryAs(), imageTar({ format, layers }).tar, 'team/app');
        expect(plan.counts.send).toBe(3);
      }
    });
  });

  describe('with chunks', () => {
    it.each(['gzip', 'none'] as const)('counts their requests, with %s for plain layers', async (compression) => {
      const config = { ...registryAs(), chunkSize: 128 * 1024 };
      const tar = imageTar({ format: 'docker-25', layers: [noise(400_000), noise(300_000, 'more')] }).tar;
      const { plan } = await planAndPush(config, tar, 'team/app', { compression });
      // The config may need one request or two.
      if (compression === 'none') expect(plan.requests.atMost - plan.requests.atLeast).toBe(1);
    });
  });

  describe('of layers that other tags have', () => {
    it('finds them where a push does', async () => {
      const config = registryAs();
      await planAndPush(config, IMAGE, 'team/app:nightly');
      for (const tag of ['7', '8', '9']) await planAndPush(config, CHANGED, `team/app:${tag}`);
      const { plan } = await planAndPush(config, IMAGE, 'team/app:99', { layersFrom: ['nightly'] });
      expect(plan.counts).toMatchObject({ send: 0, known: 5 });
    });
  });

  describe('of a manifest that names a subject', () => {
    it.each([undefined, 'distribution-3'] as const)(
      'counts the list of its subject, which some registries keep (%s)',
      async (personality) => {
        const layout = new OciLayout();
        const plain = layout.layer('plain');
        const subject = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: plain.digest, size: 10 };
        const root = layout.manifest(layout.config([plain.digest]), [plain], { subject });
        const tar = toBuffer(tarContent(layout.entries(root)));
        const { plan } = await planAndPush(registryAs(personality), tar, 'team/app');
        expect(plan.requests.atMost - plan.requests.atLeast).toBeGreaterThanOrEqual(2);
      },
    );
  });

  describe('of layers that are packed on the way', () => {
    it('packs none of them, and says what it does not know', async () => {
      const packed: number[] = [];
      const compressor: Compressor = {
        packing: 'gzip',
        compress: (source: Readable, size: number) => {
          packed.push(size);
          return source;
        },
      };
      const client = new RegistryClient(registryAs());
      const plan = await client.planPush(IMAGE, 'team/app', { compressor });
      expect(packed.filter((size) => size > 256 * 1024)).toEqual([]);
      expect(plan.isExact).toBe(false);
      const large = plan.blobs.filter(({ size }) => size > 256 * 1024);
      expect(large.length).toBe(2);
      for (const blob of large) expect(blob).toEqual({ ...blob, action: 'send', bytes: blob.size, digest: undefined });
      expect(plan.tags[0]).not.toHaveProperty('digest');
    });
  });

  it('is plain JSON', async () => {
    const plan = await new RegistryClient(registryAs()).planPush(IMAGE, 'team/app');
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });

  it('remembers nothing for later pushes', async () => {
    const client = new RegistryClient({ ...registryAs(), cache: true });
    await client.planPush(IMAGE, 'team/app');
    expect(existsSync(defaultFile()!)).toBe(false);
  });

  it('believes what earlier pushes remember as a push does, and asks for it', async () => {
    const config = { ...registryAs(), cache: true };
    await new RegistryClient(config).push(IMAGE, 'team/app:1');
    const { plan } = await planAndPush(config, IMAGE, 'team/elsewhere:1');
    expect(plan.counts).toEqual({ send: 1, mount: 4, skip: 0, known: 0 });
  });

  it('plans to send what is no longer where earlier pushes left it', async () => {
    const before = { ...registryAs(), cache: true };
    await new RegistryClient(before).push(IMAGE, 'team/app:1');
    const { plan } = await planAndPush({ ...registryAs(), cache: true }, IMAGE, 'team/elsewhere:1');
    expect(plan.counts).toEqual({ send: 5, mount: 0, skip: 0, known: 0 });
  });

  it('plans to send what may not be read where it would be linked from', async () => {
    const registry = new EmbeddedRegistry();
    const handle: RegistryHandler['handle'] = (request) => {
      if (request.target.startsWith('/v2/team/base/')) return Promise.resolve({ status: 403, headers: {} });
      const target = request.target.replace(/\?mount=.*/, '');
      return registry.handle({ ...request, target });
    };
    const { plan } = await planAndPush(over({ handle }), IMAGE, 'team/app:1', { mountFrom: 'team/base' });
    expect(plan.counts).toEqual({ send: 5, mount: 0, skip: 0, known: 0 });
  });

  it('skips what the registry says to have, although no tag tells of it', async () => {
    const config = registryAs();
    const client = new RegistryClient(config);
    const { repository, tag } = await client.push(IMAGE, 'team/app:1', { compression: 'none' });
    await client.deleteTag(repository, tag, { fallback: true });
    const { plan } = await planAndPush(config, IMAGE, 'team/app:2', { compression: 'none' });
    // What is small is sent without a question.
    expect(plan.counts).toEqual({ send: 3, mount: 0, skip: 2, known: 0 });
  });

  it('warns of platforms that the archive does not hold', async () => {
    const { tar } = imageTar({ format: 'docker-containerd' });
    const plan = await new RegistryClient(registryAs()).planPush(tar, 'team/app');
    expect(plan.warnings).toEqual([expect.stringContaining('not in the archive, and not pushed: linux/s390x')]);
    expect(plan.tags[0]!.omitted).toContainEqual(expect.stringContaining('linux/s390x'));
  });

  describe('by somebody who may read', () => {
    it('asks for tokens that allow nothing else', async () => {
      const registry = await startTestRegistry({ auth: 'bearer', sockets: false });
      const asked: string[] = [];
      const log = (line: string) => void (line.includes('for a token') && asked.push(line));
      const plan = await registry.client({ log }).planPush(IMAGE, 'team/app', { mountFrom: 'team/base' });
      await registry.close();
      expect(plan.counts.send).toBe(5);
      expect(asked.join('\n')).toMatch(/repository:team\/app:pull( |$)/m);
      expect(asked.join('\n')).not.toContain('push');
    });

    it('needs no right to push', async () => {
      const registry = await startTestRegistry({ auth: 'bearer', actions: ['pull'], sockets: false });
      const plan = await registry.client().planPush(IMAGE, 'team/app');
      await registry.close();
      expect(plan).toMatchObject({ counts: { send: 5 }, warnings: [] });
    });
  });

  describe('where a repository that is not there cannot be read', () => {
    it('takes it as empty and says so, like Docker Hub for a new one', async () => {
      const registry = new EmbeddedRegistry();
      const config = over({
        handle: (request) =>
          request.target.startsWith('/v2/team/')
            ? Promise.resolve({ status: 401, headers: {} })
            : registry.handle(request),
      });
      const plan = await new RegistryClient(config).planPush(IMAGE, 'team/new');
      expect(plan.counts.send).toBe(5);
      expect(plan.warnings).toEqual([expect.stringContaining('does not let us look into team/new')]);
    });
  });

  describe('with a wrong password', () => {
    it.each(['basic', 'bearer'] as const)('fails like a push (%s)', async (auth) => {
      const registry = await startTestRegistry({ auth, sockets: false });
      const credentials = { username: 'test', password: 'wrong' };
      const plan = registry.client({ credentials }).planPush(IMAGE, 'team/app');
      await expect(plan).rejects.toBeInstanceOf(AuthenticationError);
      await registry.close();
    });
  });

  describe('of what cannot be pushed', () => {
    it('refuses a stream, of which nothing would be left, before it is read', async () => {
      const stream = Readable.from([IMAGE]);
      const client = new RegistryClient(registryAs());
      const plan = client.planPush(stream as unknown as PlanInput, 'team/app');
      await expect(plan).rejects.toMatchObject({ name: 'InvalidArgumentError', code: 'INPUT_INVALID' });
      expect(stream.readableDidRead).toBe(false);
    });

    it.each([
      ['a name that is none', 'UPPER', {}],
      ['an image that is not there', 'app', { image: 7 }],
      ['a platform that is not there', 'app', { platform: 'linux/s390x' }],
      ['a concurrency that cannot be', 'app', { concurrency: 0 }],
    ])('refuses %s', async (_, reference, options) => {
      const plan = new RegistryClient(registryAs()).planPush(IMAGE, reference, options);
      await expect(plan).rejects.toBeInstanceOf(InvalidArgumentError);
    });

    it('refuses an archive without its blobs', async () => {
      const file = 'spec/fixtures/docker-26-containerd-missing-blobs.tar';
      const plan = new RegistryClient(registryAs()).planPushOriginalTags(file);
      await expect(plan).rejects.toBeInstanceOf(ValidationError);
    });

    it('ends with the reason of the signal', async () => {
      const signal = AbortSignal.abort(new Error('enough'));
      await expect(new RegistryClient(registryAs()).planPush(IMAGE, 'app', { signal })).rejects.toThrow('enough');
    });
  });

  it('changes nothing, whatever stands above the transport', async () => {
    const methods = new Set<string>();
    const registry = new EmbeddedRegistry();
    const handle: RegistryHandler['handle'] = (request) => {
      methods.add(`${request.method} `);
      return registry.handle(request);
    };
    const client = new RegistryClient(over({ handle }));
    await client.planPush(IMAGE, 'team/app', { mountFrom: 'team/base' });
    await client.push(IMAGE, 'team/base:1');
    methods.clear();
    await client.planPush(CHANGED, 'team/app', { mountFrom: 'team/base' });
    await client.planPush(IMAGE, 'team/base:2', { compression: 'none' });
    expectOnlyQuestions([...methods]);
    expect(methods.size).toBe(2);
  });
});
