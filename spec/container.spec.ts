import { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { inject, injectable } from 'inversify';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { TarArchive } from '../lib/archive/tar-archive.js';
import { createContainer, TOKENS } from '../lib/container.js';
import { EmbeddedTransport } from '../lib/embedded/embedded-transport.js';
import { InvalidArgumentError } from '../lib/errors.js';
import { digestOf } from '../lib/oci/digest.js';
import type { RegistryClientOptions, ResolvedOptions } from '../lib/options.js';
import type { ServiceOverrides } from '../lib/service-overrides.js';
import { BlobService } from '../lib/services/blob-service.js';
import { ManifestService } from '../lib/services/manifest-service.js';
import { RepositoryService } from '../lib/services/repository-service.js';
import type { Transport } from '../lib/transport/transport.js';
import { type FakeHandler, FakeTransport } from './support/fake-transport.js';
import { stopServers, TestServer } from './support/test-server.js';

const REGISTRY = 'https://registry.example';
const DIGEST = digestOf('content');

/** A container over a transport that answers by function; retries do not wait. */
function setUp(
  handler: FakeHandler = () => ({}),
  options: RegistryClientOptions = {},
  services: ServiceOverrides = {},
) {
  const transport = new FakeTransport(handler);
  const retry = { sleep: () => Promise.resolve() };
  const all = { url: REGISTRY, credentials: 'anonymous' as const, retry, transport, ...options };
  return { transport, container: createContainer(all, services) };
}

describe('createContainer', () => {
  afterEach(() => stopServers());

  it('makes every service, each once', () => {
    const { container } = setUp();
    const services: [symbol, new (...args: never[]) => unknown][] = [
      [TOKENS.BlobService, BlobService],
      [TOKENS.ManifestService, ManifestService],
      [TOKENS.RepositoryService, RepositoryService],
    ];
    for (const [token, Class] of services) {
      expect(container.get(token)).toBeInstanceOf(Class);
      expect(container.get(token)).toBe(container.get(token));
    }
    expect(container.get(TOKENS.Transport)).toBe(container.get(TOKENS.Transport));
    expect(container.get(TOKENS.TarArchive)).toBe(TarArchive);
  });

  it('shares nothing with another container', () => {
    expect(setUp().container.get(TOKENS.Transport)).not.toBe(setUp().container.get(TOKENS.Transport));
  });

  it('holds the options, resolved once and frozen', () => {
    const { container } = setUp(undefined, { concurrency: 3 });
    const options = container.get<ResolvedOptions>(TOKENS.Options);
    expect(options).toMatchObject({ concurrency: 3, registry: 'registry.example' });
    expect(Object.isFrozen(options)).toBe(true);
    expect(container.get(TOKENS.Options)).toBe(options);
  });

  it('fails at once with options that cannot be right', () => {
    expect(() => createContainer({ concurrency: 0 })).toThrow(InvalidArgumentError);
  });

  it('has tokens that every copy of the package shares', () => {
    expect(TOKENS.Transport).toBe(Symbol.for('registry-api-v2-client.Transport'));
  });

  it('speaks through axios when it is given no transport', async () => {
    const server = await TestServer.http((_, response) => response.end('{}'));
    const container = createContainer({ url: server.url(), credentials: 'anonymous' });
    await container.get<RepositoryService>(TOKENS.RepositoryService).ping();
    expect(server.requests).toEqual(['GET /v2/']);
    await container.get<Transport>(TOKENS.Transport).close?.();
  });

  it('has a connection for everything that may be sent at once', async () => {
    let [now, most] = [0, 0];
    const server = await TestServer.http((_, response) => {
      most = Math.max(most, ++now);
      setTimeout(() => {
        now -= 1;
        response.end('{}');
      }, 100);
    });
    const container = createContainer({ url: server.url(), credentials: 'anonymous', concurrency: 50 });
    const repositories = container.get<RepositoryService>(TOKENS.RepositoryService);
    // The first request finds out whether to sign in, and the others wait for that.
    await repositories.ping();
    await Promise.all(Array.from({ length: 50 }, () => repositories.ping()));
    expect(most).toBe(50);
    await container.get<Transport>(TOKENS.Transport).close?.();
  });

  describe('a subclass of a service', () => {
    it('an undecorated subclass receives its transport', async () => {
      class Audited extends BlobService {
        readonly asked: string[] = [];

        override exists(...args: Parameters<BlobService['exists']>): Promise<boolean> {
          this.asked.push(args[1]);
          return super.exists(...args);
        }
      }
      const { container, transport } = setUp(() => ({ status: 404 }), {}, { blobs: Audited });
      const blobs = container.get<Audited>(TOKENS.BlobService);
      expect(blobs).toBeInstanceOf(Audited);
      await expect(blobs.exists('app', DIGEST)).resolves.toBe(false);
      expect([blobs.asked, transport.calls]).toEqual([[DIGEST], [`HEAD ${REGISTRY}/v2/app/blobs/${DIGEST}`]]);
    });

    it('a decorated subclass receives its transport', async () => {
      @injectable()
      class Decorated extends RepositoryService {}
      const { container, transport } = setUp(undefined, {}, { repositories: Decorated });
      await container.get<Decorated>(TOKENS.RepositoryService).ping();
      expect(transport.calls).toEqual([`GET ${REGISTRY}/v2/`]);
    });

    it('one with a constructor of its own receives transport and options', async () => {
      @injectable()
      class Named extends ManifestService {
        readonly name: string;

        constructor(@inject(TOKENS.Transport) transport: Transport, @inject(TOKENS.Options) options: ResolvedOptions) {
          super(transport, options);
          this.name = options.registry;
        }
      }
      const { container } = setUp(() => ({ status: 404 }), {}, { manifests: Named });
      const manifests = container.get<Named>(TOKENS.ManifestService);
      expect(manifests.name).toBe('registry.example');
      await expect(manifests.resolve('app', 'v1')).resolves.toBeUndefined();
    });

    it('what it overrides is used by what it inherits', async () => {
      class Optimist extends BlobService {
        override exists(): Promise<boolean> {
          return Promise.resolve(true);
        }
      }
      const { container, transport } = setUp(undefined, {}, { blobs: Optimist });
      const descriptor = { mediaType: 'x', digest: DIGEST, size: 7 };
      const content = { descriptor, open: () => Readable.from(['content']) };
      const pushed = await container.get<BlobService>(TOKENS.BlobService).push('app', content);
      expect([pushed.outcome, transport.calls]).toEqual(['exists', []]);
    });

    it('of TarArchive is handed out as it is', () => {
      class Sub extends TarArchive {}
      expect(setUp(undefined, {}, { tarArchive: Sub }).container.get(TOKENS.TarArchive)).toBe(Sub);
    });
  });

  describe('a transport that is given', () => {
    it('is the bottom: redirects are followed round it', async () => {
      const { container, transport } = setUp(({ url }) =>
        url.pathname === '/v2/' ? { status: 307, headers: { location: '/elsewhere' } } : {},
      );
      await container.get<RepositoryService>(TOKENS.RepositoryService).ping();
      expect(transport.calls).toEqual([`GET ${REGISTRY}/v2/`, `GET ${REGISTRY}/elsewhere`]);
    });

    it('is the bottom: what fails is tried again round it', async () => {
      const statuses = [503, 429, 200];
      const { container, transport } = setUp(() => ({ status: statuses.shift() ?? 500 }));
      await container.get<RepositoryService>(TOKENS.RepositoryService).ping();
      expect(transport.calls).toHaveLength(3);
    });

    it('is the bottom: it is signed in round it, and its secrets stay with the registry', async () => {
      const basic = `Basic ${Buffer.from('user:pass').toString('base64')}`;
      const handler: FakeHandler = ({ url, headers }) => {
        if (url.host === 'storage.example') return { status: 404 };
        if (headers.authorization !== basic) return { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } };
        return { status: 307, headers: { location: 'https://storage.example/blob' } };
      };
      const { container, transport } = setUp(handler, { credentials: { username: 'user', password: 'pass' } });
      await container.get<BlobService>(TOKENS.BlobService).exists('app', DIGEST);
      expect(transport.requests.map(({ url, headers }) => [url.host, headers.authorization])).toEqual([
        ['registry.example', undefined],
        ['registry.example', basic],
        ['storage.example', undefined],
      ]);
    });

    it('is the bottom: token requests are tried again, follow redirects, and go through it too', async () => {
      const tokens = [503, 307, 200];
      const handler: FakeHandler = ({ url, headers }) => {
        if (url.host === 'auth.example') {
          const status = tokens.shift() ?? 200;
          return { status, headers: { location: '/token?moved' }, body: '{"token":"t"}' };
        }
        if (headers.authorization === 'Bearer t') return {};
        const challenge = 'Bearer realm="https://auth.example/token",service="registry"';
        return { status: 401, headers: { 'www-authenticate': challenge } };
      };
      const { container, transport } = setUp(handler);
      await container.get<RepositoryService>(TOKENS.RepositoryService).ping();
      const asked = transport.requests.filter(({ url }) => url.host === 'auth.example');
      expect(asked).toHaveLength(3);
      expect(transport.calls.at(-1)).toBe(`GET ${REGISTRY}/v2/`);
    });

    it('asks an expired storage address anew at the registry', async () => {
      let round = 0;
      const handler: FakeHandler = ({ url }) => {
        if (url.host === 'storage.example') return { status: url.search === '?1' ? 503 : 200 };
        return { status: 307, headers: { location: `https://storage.example/blob?${++round}` } };
      };
      const { container, transport } = setUp(handler);
      await expect(container.get<BlobService>(TOKENS.BlobService).exists('app', DIGEST)).resolves.toBe(true);
      expect(transport.requests.map(({ url }) => url.host + url.search)).toEqual([
        'registry.example',
        'storage.example?1',
        'registry.example',
        'storage.example?2',
      ]);
    });

    it('is closed with the rest', async () => {
      const { container, transport } = setUp();
      await container.get<Transport>(TOKENS.Transport).close?.();
      expect(transport.isClosed).toBe(true);
    });

    it('may be a whole registry in memory', async () => {
      const { container } = setUp(undefined, { transport: new EmbeddedTransport() });
      const blobs = container.get<BlobService>(TOKENS.BlobService);
      const descriptor = { mediaType: 'x', digest: DIGEST, size: 7 };
      const pushed = await blobs.push('app', { descriptor, open: () => Readable.from([Buffer.from('content')]) });
      expect(pushed.outcome).toBe('uploaded');
      await expect(blobs.exists('app', DIGEST)).resolves.toBe(true);
    });
  });

  describe('rebind', () => {
    it('of the transport replaces all of it', async () => {
      const { container, transport } = setUp();
      const other = new FakeTransport(() => ({ status: 503 }));
      container.rebind(TOKENS.Transport).toConstantValue(other);
      const repositories = container.get<RepositoryService>(TOKENS.RepositoryService);
      await expect(repositories.ping()).rejects.toMatchObject({ status: 503 });
      expect([other.calls.length, transport.calls.length]).toEqual([1, 0]);
    });

    it('of a service replaces that', () => {
      const { container } = setUp();
      const mine = { exists: () => Promise.resolve(true) };
      container.rebind(TOKENS.BlobService).toConstantValue(mine);
      expect(container.get(TOKENS.BlobService)).toBe(mine);
    });
  });

  describe('log', () => {
    it('hears of every request, those for tokens too, and of no secret', async () => {
      const lines: string[] = [];
      const handler: FakeHandler = ({ url, headers }) => {
        if (url.host === 'auth.example') return { body: '{"token":"hunter2"}' };
        if (headers.authorization) return {};
        const challenge = 'Bearer realm="https://auth.example/token",service="registry"';
        return { status: 401, headers: { 'www-authenticate': challenge } };
      };
      const credentials = { username: 'user', password: 'hunter2' };
      const { container } = setUp(handler, { log: (line) => lines.push(line), credentials });
      await container.get<BlobService>(TOKENS.BlobService).exists('app', DIGEST);
      expect(lines.map((line) => line.replace(/ \d+ ms$/, ''))).toEqual([
        `HEAD ${REGISTRY}/v2/app/blobs/${DIGEST} 401`,
        'asking auth.example for a token for registry.example: repository:app:pull',
        expect.stringMatching(/^GET https:\/\/auth\.example\/token\?.* 200$/),
        `HEAD ${REGISTRY}/v2/app/blobs/${DIGEST} 200`,
      ]);
      expect(lines.join()).not.toContain('hunter2');
    });
  });

  it('shows no secret where what it made is printed', () => {
    const credentials = { username: 'user', password: 'hunter2' };
    const { container } = setUp(undefined, { url: 'https://user:hunter2@registry.example', credentials });
    const made = Object.values(TOKENS).map((token) => container.get(token));
    expect(inspect(made, { depth: 20, showHidden: true })).not.toContain('hunter2');
  });

  it('looks where docker login keeps credentials when it is given none', async () => {
    const auth = Buffer.from('user:from-docker').toString('base64');
    jest.replaceProperty(process, 'env', {
      DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { 'registry.example': { auth } } }),
    });
    const transport = new FakeTransport(({ headers }) =>
      headers.authorization ? {} : { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } },
    );
    const container = createContainer({ url: REGISTRY, transport });
    await container.get<RepositoryService>(TOKENS.RepositoryService).ping();
    expect(transport.requests[1]?.headers.authorization).toBe(`Basic ${auth}`);
    jest.restoreAllMocks();
  });
});
