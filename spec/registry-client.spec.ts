import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { TarArchive } from '../lib/archive/tar-archive.js';
import {
  AuthenticationError,
  InvalidArgumentError,
  NotFoundError,
  RegistryError,
  TarReadError,
  ValidationError,
} from '../lib/errors.js';
import type { RegistryClientConfig } from '../lib/client-options.js';
import { collect } from '../lib/collect.js';
import { RegistryClient } from '../lib/registry-client.js';
import { type BlobContent, BlobService, type PushedBlob } from '../lib/services/blob-service.js';
import { ManifestService } from '../lib/services/manifest-service.js';
import { RepositoryService } from '../lib/services/repository-service.js';
import type { PushEvent } from '../lib/transfer/progress.js';
import { FakeTransport } from './support/fake-transport.js';
import { imageTar } from './support/image-tar.js';
import { until } from './support/test-server.js';
import { RecordingTransport } from './transfer/recording-transport.js';

const URL_OPTION = 'http://registry.test:5000';
const { tar } = imageTar({ format: 'docker-25', tags: ['app:1', 'registry.example.com/team/app:2'] });
const untagged = imageTar({ format: 'docker-25', tags: [] }).tar;
const damaged = imageTar({ format: 'docker-25', wrongDiffId: 0 }).tar;

/** Counts how often archives of it are closed. */
class CountingArchive extends TarArchive {
  static closed = 0;

  override async close(): Promise<void> {
    CountingArchive.closed += 1;
    await super.close();
  }
}

describe('RegistryClient', () => {
  let transport: RecordingTransport;
  let client: RegistryClient;
  beforeEach(() => {
    transport = new RecordingTransport();
    client = clientOf();
    CountingArchive.closed = 0;
  });

  /** Blobs wait until so many are under way, and then for those that should not be; the first one finds out how to send. */
  function bodiesWaitFor(count: number): RecordingTransport['before'] {
    let isFirst = true;
    return async ({ body }, line) => {
      if (!body || line.includes('/manifests/')) return;
      if (isFirst) return void (isFirst = false);
      await until(() => transport.mostBodies >= count, `${count} uploads are under way`, 20_000);
      for (let i = 0; i < 20; i++) await setImmediate();
    };
  }

  function clientOf(more: RegistryClientConfig = {}): RegistryClient {
    return new RegistryClient({ url: URL_OPTION, transport, retry: { retries: 0 }, ...more });
  }

  describe('the constructor', () => {
    it.each<[string, RegistryClientConfig]>([
      ['an address that is none', { url: 'ftp://registry.test' }],
      ['an address with a query', { url: 'http://registry.test/?x=1' }],
      ['a concurrency of 0', { concurrency: 0 }],
      ['a concurrency that is no whole number', { concurrency: 1.5 }],
      ['a timeout of 0', { timeout: 0 }],
      ['an idle timeout that no timer takes', { idleTimeout: 2 ** 31 }],
    ])('refuses %s', (_, options) => {
      expect(() => clientOf(options)).toThrow(InvalidArgumentError);
      expect(transport.log).toEqual([]);
    });

    it.each([
      ['http://registry.test:5000', 'registry.test:5000'],
      ['https://registry.test:443/v2/', 'registry.test'],
      ['localhost:15000', 'localhost:15000'],
      [new URL('https://user:secret@registry.test'), 'registry.test'],
      ['docker.io', 'docker.io'],
    ])('takes %s for the registry %s', (url, registry) => {
      expect(clientOf({ url }).registry).toBe(registry);
    });

    it('gives the services that lie below', () => {
      expect(client.blobs).toBeInstanceOf(BlobService);
      expect(client.manifests).toBeInstanceOf(ManifestService);
      expect(client.repositories).toBeInstanceOf(RepositoryService);
    });

    it('sends nothing', () => {
      expect(transport.log).toEqual([]);
    });
  });

  describe('services', () => {
    it('an undecorated subclass receives its transport', async () => {
      const pushes: string[] = [];
      class AuditedBlobs extends BlobService {
        override async push(repository: string, content: BlobContent): Promise<PushedBlob> {
          pushes.push(repository);
          return super.push(repository, content);
        }
      }
      const audited = clientOf({ services: { blobs: AuditedBlobs } });
      expect(audited.blobs).toBeInstanceOf(AuditedBlobs);
      await audited.push(tar, 'app:1', { compression: 'none' });
      expect(pushes).toEqual(['app', 'app', 'app']);
      expect(transport.requests(/^PUT .*\/blobs\/.* 201$/)).toHaveLength(3);
    });

    it('are used for everything the client does', async () => {
      class Manifests extends ManifestService {
        override push: ManifestService['push'] = (repository, reference, raw, options) =>
          super.push(repository, `${reference}-signed`, raw, options);
      }
      class Repositories extends RepositoryService {
        override ping = (): Promise<void> => Promise.reject(new Error('not today'));
      }
      const own = clientOf({ services: { manifests: Manifests, repositories: Repositories } });
      await own.push(tar, 'app:1');
      expect(transport.requests(/^PUT .*\/manifests\//)).toEqual(['PUT /v2/app/manifests/1-signed 201']);
      await expect(own.checkConnectivity()).rejects.toThrow('not today');
    });

    it('include the class that opens archives', async () => {
      const open = jest.spyOn(CountingArchive, 'open');
      const own = clientOf({ services: { tarArchive: CountingArchive } });
      await own.push(tar, 'app:1');
      expect(open.mock.calls).toEqual([[tar]]);
      expect(await own.openArchive(tar)).toBeInstanceOf(CountingArchive);
      open.mockRestore();
    });
  });

  describe('checkConnectivity', () => {
    it('is true when the registry is there', async () => {
      await expect(client.checkConnectivity()).resolves.toBe(true);
      expect(transport.log).toEqual(['GET /v2/ 200']);
    });

    it('throws what is wrong when it is not', async () => {
      const refusing = clientOf({ transport: new FakeTransport(() => ({ status: 401 })), credentials: 'anonymous' });
      await expect(refusing.checkConnectivity()).rejects.toBeInstanceOf(AuthenticationError);
    });

    it('rejects with the reason of the caller', async () => {
      await expect(client.checkConnectivity({ signal: AbortSignal.abort('never') })).rejects.toBe('never');
    });
  });

  describe('push', () => {
    it('puts the image under the name', async () => {
      const pushed = await client.push(tar, 'team/app:3');
      expect(pushed).toMatchObject({ reference: 'registry.test:5000/team/app:3', blobs: { uploaded: 3 } });
      expect(await collect(client.listTags('team/app'))).toEqual(['3']);
    });

    it.each(['UPPER/app', 'app:ta g', '', 'elsewhere.example.com/app', 'app@sha256:1'])(
      'refuses the name "%s" before it opens the archive',
      async (name) => {
        await expect(client.push('nowhere.tar', name)).rejects.toBeInstanceOf(InvalidArgumentError);
        expect(transport.log).toEqual([]);
      },
    );

    it.each<[string, object, RegExp]>([
      ['compression', { compression: 'lzma' }, /the option compression is "lzma". It takes 'gzip', 'zstd', 'none'./],
      ['platform', { platform: 'amd64' }, /is not a platform/],
      ['image', { image: 'other:1' }, /the archive holds no image other:1/],
      ['concurrency', { concurrency: 0 }, /the option concurrency is 0/],
      ['concurrency', { concurrency: '4' }, /the option concurrency is 4/],
    ])('refuses an option %s that cannot be before any request', async (_, options, message) => {
      const own = clientOf({ services: { tarArchive: CountingArchive } });
      const push = own.push(tar, 'app:1', options);
      await expect(push).rejects.toThrow(message);
      await expect(push).rejects.toBeInstanceOf(InvalidArgumentError);
      expect(transport.log).toEqual([]);
    });

    it('opens no archive for an option that cannot be', async () => {
      const push = client.push('nowhere.tar', 'app:1', { compression: 'lzma' as 'gzip' });
      await expect(push).rejects.toThrow('the option compression');
    });

    it('opens no archive when it is cancelled before it began', async () => {
      await expect(client.push('nowhere.tar', 'app:1', { signal: AbortSignal.abort('never') })).rejects.toBe('never');
    });

    it('never throws, it rejects', () => {
      expect(() => {
        client.push(tar, undefined as unknown as string).catch(() => undefined);
        client.pushOriginalTags(tar, { which: 'none' as 'all' }).catch(() => undefined);
      }).not.toThrow();
    });

    it('compresses plain layers unless told otherwise', async () => {
      const [gzip, none] = [await client.push(tar, 'app:1'), await client.push(tar, 'app:2', { compression: 'none' })];
      const types = async (digest: string) => {
        const { manifest } = await client.getManifest('app', digest);
        return 'layers' in manifest ? manifest.layers.map(({ mediaType }) => mediaType.split('.').at(-1)) : [];
      };
      expect(await types(gzip.digest)).toEqual(['gzip', 'gzip']);
      expect(await types(none.digest)).toEqual(['tar', 'tar']);
    });

    it('tells its progress', async () => {
      const events: PushEvent[] = [];
      await client.push(tar, 'app:1', { onProgress: (event) => events.push(event) });
      expect([events[0]!.state, events.at(-1)!.state]).toEqual(['planned', 'tagged']);
    });

    it('has as many uploads under way as the client may, or the call', async () => {
      const layers = Array.from({ length: 8 }, (_, i) => ({ size: 3, chunks: () => [Buffer.from(`l${i}.`)] }));
      const many = imageTar({ format: 'docker-25', layers }).tar;
      for (const [most, options] of [
        [2, {}],
        [5, { concurrency: 5 }],
      ] as const) {
        transport.mostBodies = 0;
        transport.before = bodiesWaitFor(most);
        await clientOf({ concurrency: 2 }).push(many, `app-${most}:1`, options);
        expect(transport.mostBodies).toBe(most);
      }
    });
  });

  describe('a push of what is there already', () => {
    let folder: string;
    const before = process.env.XDG_CACHE_HOME;
    beforeEach(async () => {
      process.env.XDG_CACHE_HOME = folder = await mkdtemp(join(tmpdir(), 'client-cache-'));
    });
    afterEach(async () => {
      process.env.XDG_CACHE_HOME = before;
      await rm(folder, { recursive: true });
    });

    const sent = (log: readonly string[]) => log.filter((line) => /^(PATCH|PUT)/.test(line));

    it('sends the manifest only, to another client that knows nothing', async () => {
      await client.push(tar, 'app:1');
      transport.log.length = 0;
      await clientOf().push(tar, 'app:2');
      expect(sent(transport.log)).toEqual(['PUT /v2/app/manifests/2 201']);
    });

    it('links layers into another repository that this client has pushed, and writes nothing down', async () => {
      await client.push(tar, 'one:1');
      expect((await client.push(tar, 'two:1')).blobs).toEqual({ uploaded: 1, mounted: 2, skipped: 0 });
      expect((await clientOf().push(tar, 'three:1')).blobs.mounted).toBe(0);
      expect(await readdir(folder)).toEqual([]);
    });

    it('links what another client has pushed when it may be written down', async () => {
      await clientOf({ cache: true }).push(tar, 'one:1');
      expect(await readdir(join(folder, 'registry-api-v2-client'))).toEqual(['layers.json']);
      expect((await clientOf({ cache: true }).push(tar, 'two:1')).blobs.mounted).toBe(2);
      expect((await clientOf({ cache: false }).push(tar, 'three:1')).blobs.mounted).toBe(0);
    });

    it('writes down nothing that is secret', async () => {
      const url = 'http://user:secret-password@registry.test:5000';
      await clientOf({ cache: true, url }).push(tar, 'one:1');
      const written = await readFile(join(folder, 'registry-api-v2-client', 'layers.json'), 'utf8');
      expect(written).toContain('"registry.test:5000/one"');
      expect(written).not.toMatch(/secret|user/);
    });

    it('looks at the tags it is told, and sends nothing for one that cannot be', async () => {
      await client.push(tar, 'app:1', { layersFrom: ['nightly', 'weekly'] });
      for (const tag of ['nightly', 'weekly', 'latest'])
        expect(transport.log).toContain(`GET /v2/app/manifests/${tag} 404`);
      transport.log.length = 0;
      await expect(client.push(tar, 'app:1', { layersFrom: ['../x'] })).rejects.toThrow(InvalidArgumentError);
      expect(transport.log).toEqual([]);
    });
  });

  describe('the archive', () => {
    let own: RegistryClient;
    beforeEach(() => {
      own = clientOf({ services: { tarArchive: CountingArchive } });
    });

    it('is closed when the push has succeeded', async () => {
      await own.push(tar, 'app:1');
      await own.pushOriginalTags(tar);
      expect(CountingArchive.closed).toBe(2);
    });

    it.each<[string, () => Promise<unknown>]>([
      ['an option was wrong', () => own.push(tar, 'app:1', { image: 'other:1' })],
      ['no tag was found', () => own.pushOriginalTags(untagged)],
      ['a layer was wrong', () => own.push(damaged, 'app:1')],
      ['the concurrency was wrong', () => own.push(tar, 'app:1', { concurrency: -1 })],
    ])('is closed when %s', async (_, push) => {
      await expect(push()).rejects.toThrow();
      expect(CountingArchive.closed).toBe(1);
    });

    it('is left open when the caller opened it, after success and failure', async () => {
      const archive = await CountingArchive.open(tar);
      await own.push(archive, 'app:1');
      await expect(own.push(archive, 'app:1', { image: 'other:1' })).rejects.toThrow();
      await own.pushOriginalTags(archive);
      expect(CountingArchive.closed).toBe(0);
      await archive.close();
    });

    it('may be a path, a file: URL, or bytes', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'client-spec-'));
      const file = join(folder, 'app.tar');
      await writeFile(file, tar);
      const digests = [];
      for (const input of [file, pathToFileURL(file), new Uint8Array(tar)]) {
        digests.push((await client.push(input, 'app:1')).digest);
      }
      expect(new Set(digests).size).toBe(1);
      await rm(folder, { recursive: true });
    });

    it.each<[string, string | Buffer, typeof TarReadError | typeof ValidationError]>([
      ['is absent', 'nowhere.tar', TarReadError],
      ['is empty', Buffer.alloc(0), TarReadError],
      ['holds no image', imageTar({ format: 'docker-24', missingManifestJson: true }).tar, ValidationError],
      ['lacks a layer', imageTar({ format: 'docker-24', missingLayer: 0 }).tar, ValidationError],
    ])('that %s is refused before any request', async (_, input, Class) => {
      await expect(client.push(input, 'app:1')).rejects.toBeInstanceOf(Class);
      await expect(client.pushOriginalTags(input)).rejects.toBeInstanceOf(Class);
      expect(transport.log).toEqual([]);
    });

    it('that turns out wrong while it is read leaves no tag', async () => {
      await expect(client.push(damaged, 'app:1')).rejects.toBeInstanceOf(ValidationError);
      expect(transport.requests(/^PUT .*\/manifests\//)).toEqual([]);
    });
  });

  describe('pushOriginalTags', () => {
    it('keeps every tag and leaves its registry out', async () => {
      const pushed = await client.pushOriginalTags(tar);
      expect(pushed.map(({ reference }) => reference)).toEqual([
        'registry.test:5000/app:1',
        'registry.test:5000/team/app:2',
      ]);
      expect(await collect(client.listRepositories())).toEqual(['app', 'team/app']);
    });

    it('keeps the first one only when asked to', async () => {
      expect(await client.pushOriginalTags(tar, { which: 'first' })).toHaveLength(1);
    });

    it('gives tags other names', async () => {
      const pushed = await client.pushOriginalTags(tar, { rename: (tag) => `mirror/${tag.replace(/^.*\//, '')}` });
      expect(pushed.map(({ repository, tag }) => `${repository}:${tag}`)).toEqual(['mirror/app:1', 'mirror/app:2']);
    });

    it.each<[string, object, RegExp]>([
      ['which', { which: 'last' }, /the option which is "last"/],
      ['compression', { compression: 'zip' }, /the option compression/],
      ['platform', { platform: 'linux' }, /is not a platform/],
    ])('refuses an option %s that cannot be before it opens the archive', async (_, options, message) => {
      await expect(client.pushOriginalTags('nowhere.tar', options)).rejects.toThrow(message);
    });

    it('asks for a name when there is no tag', async () => {
      await expect(client.pushOriginalTags(untagged)).rejects.toMatchObject({ code: 'NAME_REQUIRED' });
      expect(transport.log).toEqual([]);
    });
  });

  describe('lists', () => {
    beforeEach(async () => {
      for (const name of ['a:1', 'a:2', 'a:3', 'b:1', 'c:1']) await client.push(tar, name);
      transport.log.length = 0;
    });

    it('come page by page, and are asked for as they are read', async () => {
      const repositories = client.listRepositories({ pageSize: 1 });
      expect(transport.log).toEqual([]);
      expect(await collect(repositories)).toEqual(['a', 'b', 'c']);
      expect(transport.log).toHaveLength(3);
    });

    it('of tags come the same way', async () => {
      expect(await collect(client.listTags('a', { pageSize: 2 }))).toEqual(['1', '2', '3']);
      expect(transport.log).toHaveLength(2);
    });

    it('are not asked for any more when the caller stops', async () => {
      for await (const repository of client.listRepositories({ pageSize: 1 })) if (repository === 'b') break;
      for await (const _tag of client.listTags('a', { pageSize: 1 })) break;
      expect(transport.log).toHaveLength(3);
    });

    it('fail where there is nothing of the name', async () => {
      await expect(collect(client.listTags('nothing'))).rejects.toBeInstanceOf(NotFoundError);
      await expect(collect(client.listTags('NO NAME'))).rejects.toBeInstanceOf(InvalidArgumentError);
    });

    it('stop with the reason of the caller', async () => {
      const caller = new AbortController();
      const list = client.listRepositories({ pageSize: 1, signal: caller.signal });
      await list.next();
      caller.abort('enough');
      await expect(list.next()).rejects.toBe('enough');
    });
  });

  describe('getManifest', () => {
    it('gives the exact bytes, by tag and by digest', async () => {
      const { digest, mediaType } = await client.push(tar, 'app:1');
      const [byTag, byDigest] = [await client.getManifest('app', '1'), await client.getManifest('app', digest)];
      expect(byTag.descriptor).toEqual({ digest, mediaType, size: byTag.bytes.length });
      expect(byDigest.bytes).toEqual(byTag.bytes);
      expect(JSON.parse(byTag.bytes.toString())).toEqual(byTag.manifest);
    });

    it('fails where there is none, and before any request where there can be none', async () => {
      await expect(client.getManifest('app', '1')).rejects.toBeInstanceOf(NotFoundError);
      transport.log.length = 0;
      await expect(client.getManifest('app', 'no tag')).rejects.toBeInstanceOf(InvalidArgumentError);
      expect(transport.log).toEqual([]);
    });
  });

  describe('close', () => {
    it('closes the transport', async () => {
      const fake = new FakeTransport(() => ({}));
      await clientOf({ transport: fake }).close();
      expect(fake.isClosed).toBe(true);
    });

    it('does nothing where the transport has nothing to close', async () => {
      const send = () => Promise.reject(new RegistryError('offline', { code: 'OFFLINE' }));
      await expect(clientOf({ transport: { send } }).close()).resolves.toBeUndefined();
    });

    it('is what await using does', async () => {
      const fake = new FakeTransport(() => ({}));
      {
        await using closing = clientOf({ transport: fake });
        expect(closing.registry).toBe('registry.test:5000');
      }
      expect(fake.isClosed).toBe(true);
    });
  });
});

describe('collect', () => {
  it('gives all elements in their order', async () => {
    async function* list() {
      yield 1;
      await Promise.resolve();
      yield 2;
    }
    expect(await collect(list())).toEqual([1, 2]);
  });

  it('fails as the list does', async () => {
    // eslint-disable-next-line require-yield -- it fails before its first element
    async function* list(): AsyncGenerator<number> {
      await Promise.resolve();
      throw new Error('broken');
    }
    await expect(collect(list())).rejects.toThrow('broken');
  });
});
