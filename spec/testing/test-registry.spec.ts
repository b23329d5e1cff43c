import { Writable } from 'node:stream';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  AuthenticationError,
  collect,
  DigestMismatchError,
  InvalidArgumentError,
  NotFoundError,
  RateLimitError,
  type RegistryClient,
  RegistryError,
  UnsupportedError,
} from '../../lib/index.js';
import {
  type Fault,
  imageTar,
  MemoryStore,
  type PersonalityName,
  startTestRegistry,
  type TestRegistry,
  type TestRegistryOptions,
} from '../../lib/testing/index.js';
import { noise, toBuffer } from '../support/content.js';
import { until } from '../support/test-server.js';

/** A plain layer, which is compressed on its way into a PATCH; its config goes by POST. */
const BIG = imageTar({ layers: [{ big: toBuffer(noise(3_000_000)) }] });

describe('startTestRegistry', () => {
  let registry: TestRegistry;

  const start = async (options?: TestRegistryOptions): Promise<RegistryClient> => {
    registry = await startTestRegistry(options);
    return registry.client();
  };

  afterEach(() => registry.close());

  describe.each([true, false])('with sockets: %s', (sockets) => {
    it.each(['none', 'basic', 'bearer'] as const)('lets its clients in, with auth %s', async (auth) => {
      const client = await start({ auth, sockets });
      const pushed = await client.push(imageTar(), 'team/app:1.0');
      const { descriptor } = await client.getManifest('team/app', '1.0');
      expect(descriptor.digest).toBe(pushed.digest);
      expect(await collect(client.listRepositories())).toEqual(['team/app']);
      await client.deleteTag('team/app', '1.0');
      expect(await collect(client.listTags('team/app'))).toEqual([]);
    });

    it.each(['basic', 'bearer'] as const)('lets in nobody else, with auth %s', async (auth) => {
      await start({ auth, sockets, username: 'alice', password: 'secret' });
      expect(registry.credentials).toEqual({ username: 'alice', password: 'secret' });
      for (const credentials of ['anonymous', { username: 'alice', password: 'guess' }] as const) {
        const stranger = registry.client({ credentials });
        await expect(stranger.push(imageTar(), 'team/app:1.0')).rejects.toThrow(AuthenticationError);
      }
    });

    it('has tokens that are good for what their user may do', async () => {
      const store = new MemoryStore();
      const writer = await start({ sockets, store });
      await writer.push(imageTar(), 'team/app:1.0');
      await registry.close();
      const reader = await start({ sockets, store, auth: 'bearer', actions: ['pull'] });
      expect((await reader.getManifest('team/app', '1.0')).descriptor.size).toBeGreaterThan(0);
      await expect(reader.push(imageTar(), 'team/app:2.0')).rejects.toThrow(AuthenticationError);
    });

    it('survives tokens that expire, in the middle too', async () => {
      const client = await start({ sockets, auth: 'bearer', faults: [{ on: 'PUT', delayMs: 50 }] });
      const pushing = client.push(BIG, 'team/app:1.0');
      await until(() => registry.faults.fired.length > 0, 'the first PUT');
      registry.expireTokens();
      expect((await pushing).tag).toBe('1.0');
    });

    it.each<Fault>([
      { on: 'PUT', status: 503, retryAfter: 0 },
      { on: 'PUT', path: '/manifests/', status: 429 },
      { on: 'POST', status: 500 },
      { on: 'PUT', path: '/blobs/', dropResponse: true },
      { on: 'PUT', path: '/manifests/', dropResponse: true },
      { on: 'POST', path: '/blobs/', resetAfterBytes: 0 },
      { on: 'PATCH', resetAfterBytes: 1_000 },
      { on: 'PATCH', resetAfterBytes: 1_000, times: 2 },
      { on: 'PATCH', truncateAfterBytes: 1_000 },
      { on: 'POST', path: '/blobs/', resetAfterBytes: 100 },
      { on: 'POST', path: '/blobs/', truncateAfterBytes: 100 },
      { on: 'POST', path: '/blobs/', flipBit: 3 },
      { delayMs: 30, times: Infinity },
      { on: 'PATCH', resetAfterBytes: 2_000_000 },
    ])('meets a fault that our client gets over: %j', async (fault) => {
      const client = await start({ sockets, faults: [fault] });
      const pushed = await client.push(BIG, 'team/app:1.0');
      expect((await client.getManifest('team/app', '1.0')).descriptor.digest).toBe(pushed.digest);
      expect(registry.faults.pending).toEqual([]);
    });
  });

  it.each<Fault>([
    { on: 'GET', path: '/blobs/', resetAfterBytes: 1_000_000 },
    { on: 'GET', path: '/blobs/', truncateAfterBytes: 1_000_000, times: 2 },
    { on: 'GET', path: '/blobs/', flipBit: 5 },
    { on: 'GET', path: '/manifests/', status: 502 },
  ])('meets a fault that a pull of our client gets over, or tells: %j', async (fault) => {
    const client = await start({ faults: [fault] });
    await client.push(BIG, 'team/app:1.0');
    const pulling = client.pull('team/app:1.0', new Writable({ write: (_chunk, _encoding, done) => done() }));
    if (fault.flipBit === undefined) expect((await pulling).size).toBeGreaterThan(3_000_000);
    else await expect(pulling).rejects.toThrow(DigestMismatchError);
    expect(registry.faults.pending).toEqual([]);
  });

  it('says what a fault may not be, before it starts', async () => {
    await start();
    const wrong = startTestRegistry({ faults: [{ on: 'PUT' }] });
    await expect(wrong).rejects.toThrow(/^faults\[0\] does nothing/);
  });

  it('gives up on a registry that stands still, and closes it all the same', async () => {
    await start({ faults: [{ on: 'GET', stallAfterBytes: 0, times: Infinity }] });
    const impatient = registry.client({ timeout: 50, retry: { retries: 0 } });
    await expect(impatient.checkConnectivity()).rejects.toThrow(RegistryError);
    const waiting = registry.client({ retry: { retries: 0 } }).checkConnectivity();
    await until(() => registry.faults.fired.length === 2, 'the second one stands still');
    const started = performance.now();
    await Promise.all([registry.close(), expect(waiting).rejects.toThrow(RegistryError)]);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('can be closed twice, and by the end of a block', async () => {
    const use = async (): Promise<string> => {
      await using short = await startTestRegistry();
      expect((await fetch(`${short.url}/v2/`)).status).toBe(200);
      await short.close();
      return short.url;
    };
    const url = await use();
    await expect(fetch(`${url}/v2/`)).rejects.toThrow();
    await start();
  });

  it('keeps apart what is pushed to another', async () => {
    const client = await start();
    await using other = await startTestRegistry();
    await client.push(imageTar(), 'team/app:1.0');
    await expect(other.client().getManifest('team/app', '1.0')).rejects.toThrow(NotFoundError);
  });

  it('speaks to clients of other makes: the realm is a whole URL', async () => {
    await start({ auth: 'bearer' });
    const response = await fetch(`${registry.url}/v2/`);
    expect(response.headers.get('www-authenticate')).toContain(`realm="${registry.url}/token"`);
  });

  it.each<[TestRegistryOptions, RegExp]>([
    [{ auth: 'digest' as 'basic' }, /the option auth is "digest"/],
    [{ username: 'alice' }, /the option username means nothing with auth: 'none'/],
    [{ auth: 'basic', actions: ['pull'] }, /the option actions means nothing with auth: 'basic'/],
    [{ auth: 'basic', tokenLifetime: 5 }, /the option tokenLifetime means nothing with auth: 'basic'/],
    [{ personality: 'quay' as 'ecr' }, /no personality "quay"/],
  ])('refuses %j', async (options, message) => {
    await start();
    const wrong = startTestRegistry(options);
    await expect(wrong).rejects.toThrow(InvalidArgumentError);
    await expect(wrong).rejects.toThrow(message);
  });

  it('has tokens to expire only with bearer', async () => {
    await start({ auth: 'basic' });
    expect(() => registry.expireTokens()).toThrow(InvalidArgumentError);
  });

  describe('with a personality', () => {
    const NAMES = ['distribution-2.8', 'distribution-3', 'ecr', 'ghcr', 'google', 'docker-hub'] as const;

    it.each(NAMES.flatMap((name) => (['none', 'basic', 'bearer'] as const).map((auth) => [name, auth] as const)))(
      'takes a push and a pull of our client: %s, auth %s',
      async (personality, auth) => {
        const client = await start({ personality, auth });
        const pushed = await client.push(BIG, 'team/app:1.0');
        await client.push(imageTar({ platforms: ['linux/amd64', 'linux/arm64'] }), 'team/app:2.0');
        expect(await client.resolve('team/app', '1.0')).toMatchObject({ digest: pushed.digest });
        expect(await collect(client.listTags('team/app'))).toEqual(['1.0', '2.0']);
        expect((await client.copy('team/app:1.0', 'other/app:1.0')).digest).toBe(pushed.digest);
      },
    );

    it.each<[PersonalityName, boolean]>([
      ['distribution-2.8', true],
      ['distribution-3', true],
      ['ecr', true],
      ['google', true],
      ['ghcr', false],
      ['docker-hub', false],
    ])('%s lists repositories for our client: %s', async (personality, lists) => {
      for (const auth of ['none', 'bearer'] as const) {
        const client = await start({ personality, auth });
        await client.push(imageTar(), 'team/app:1.0');
        const repositories = collect(client.listRepositories());
        if (lists) expect(await repositories).toEqual(['team/app']);
        else await expect(repositories).rejects.toThrow(UnsupportedError);
        await registry.close();
      }
    });

    it.each<[PersonalityName, boolean]>([
      ['distribution-2.8', false],
      ['distribution-3', true],
      ['ecr', true],
      ['google', true],
      ['ghcr', false],
      ['docker-hub', false],
    ])('%s deletes a tag for our client: %s', async (personality, deletes) => {
      const client = await start({ personality });
      await client.push(imageTar(), 'team/app:1.0');
      const deleting = client.deleteTag('team/app', '1.0');
      if (deletes) await deleting;
      else await expect(deleting).rejects.toThrow(UnsupportedError);
      expect((await client.resolve('team/app', '1.0')) === undefined).toBe(deletes);
    });

    it('distribution-2.8 loses a tag by the fallback, and nothing else', async () => {
      const client = await start({ personality: 'distribution-2.8' });
      await client.push(imageTar(), 'team/app:1.0');
      await client.tag('team/app', '1.0', 'kept');
      await client.deleteTag('team/app', '1.0', { fallback: true });
      expect(await collect(client.listTags('team/app'))).toEqual(['kept']);
    });

    it.each(['ghcr', 'docker-hub'] as const)('%s deletes no image for our client', async (personality) => {
      const client = await start({ personality });
      const { digest } = await client.push(imageTar(), 'team/app:1.0');
      await expect(client.deleteImageByDigest('team/app', digest)).rejects.toThrow(UnsupportedError);
    });

    it('google deletes no image that has a tag', async () => {
      const client = await start({ personality: 'google' });
      const { digest } = await client.push(imageTar(), 'team/app:1.0');
      await expect(client.deleteImageByDigest('team/app', digest)).rejects.toMatchObject({
        status: 400,
        code: 'GOOGLE_MANIFEST_DANGLING_TAG',
      });
      await client.deleteTag('team/app', '1.0');
      await client.deleteImageByDigest('team/app', digest);
    });

    it('docker-hub ends its patience after 100 pulls', async () => {
      const client = await start({ personality: 'docker-hub', sockets: false });
      await client.push(imageTar(), 'team/app:1.0');
      const pulls = Array.from({ length: 101 }, () => client.getManifest('team/app', '1.0'));
      const failed = (await Promise.allSettled(pulls)).filter(({ status }) => status === 'rejected');
      expect(failed.length).toBeGreaterThan(0);
      await expect(client.getManifest('team/app', '1.0')).rejects.toThrow(RateLimitError);
    });

    it.each(['distribution-2.8', 'distribution-3', 'ecr'] as const)(
      '%s gets a blob whose connection broke in the middle',
      async (personality) => {
        const client = await start({ personality, faults: [{ on: 'PATCH', resetAfterBytes: 700_000, times: 2 }] });
        const pushed = await client.push(BIG, 'team/app:1.0');
        expect((await client.resolve('team/app', '1.0'))?.digest).toBe(pushed.digest);
        expect(registry.faults.pending).toEqual([]);
      },
    );

    it('ecr knows its user as AWS', async () => {
      await start({ personality: 'ecr', auth: 'basic' });
      expect(registry.credentials?.username).toBe('AWS');
    });
  });
});
