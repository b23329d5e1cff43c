import { beforeEach, describe, expect, it } from '@jest/globals';
import { PassThrough, type Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { TarArchive } from '../lib/archive/tar-archive.js';
import { collect } from '../lib/collect.js';
import { EmbeddedTransport } from '../lib/embedded/embedded-transport.js';
import { Personality } from '../lib/embedded/personality.js';
import { EmbeddedRegistry } from '../lib/embedded/registry.js';
import { RegistryClient } from '../lib/registry-client.js';
import { imageTar } from '../lib/testing/image-tar.js';
import type { CopyEvent } from '../lib/transfer/copy.js';
import type { Transport, TransportRequest, TransportResponse } from '../lib/transport/transport.js';
import { FakeTransport } from './support/fake-transport.js';

const CHALLENGE = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"';

/** Docker Hub: its registry asks for tokens, which are what they were asked for. */
class Hub implements Transport {
  readonly paths: string[] = [];
  readonly scopes = new Set<string>();
  private readonly tokens = new FakeTransport(({ url }) => {
    for (const scope of url.searchParams.getAll('scope')) this.scopes.add(scope);
    return { body: JSON.stringify({ token: 'token' }) };
  });
  private readonly closed = new FakeTransport(() => ({ status: 401, headers: { 'www-authenticate': CHALLENGE } }));

  constructor(private readonly registry: Transport) {}

  send(request: TransportRequest): Promise<TransportResponse> {
    const { url, headers } = request;
    if (url.host === 'auth.docker.io') return this.tokens.send(request);
    expect(url.host).toBe('registry-1.docker.io');
    if (headers.authorization === undefined) return this.closed.send(request);
    this.paths.push(url.pathname);
    return this.registry.send(request);
  }
}

describe('on Docker Hub', () => {
  let registry: EmbeddedRegistry;
  let hub: Hub;
  let client: RegistryClient;
  let digest: string;
  beforeEach(async () => {
    registry = new EmbeddedRegistry();
    hub = new Hub(new EmbeddedTransport(new Personality(registry, 'docker-hub')));
    client = new RegistryClient({ url: 'docker.io', transport: hub, credentials: 'anonymous' });
    const seed = new RegistryClient({ url: 'http://seed.test', transport: new EmbeddedTransport(registry) });
    ({ digest } = await seed.push(imageTar({ layers: [{ motd: 'hello' }] }), 'library/alpine:3'));
  });

  it('the ping is let in with a token for nobody', async () => {
    await expect(client.checkConnectivity()).resolves.toBe(true);
    expect([client.registry, hub.paths, [...hub.scopes]]).toEqual(['docker.io', ['/v2/'], []]);
  });

  it('an official image is found under its short name, whoever asks', async () => {
    expect(await collect(client.listTags('alpine'))).toEqual(['3']);
    expect(await client.resolve('alpine', '3')).toMatchObject({ digest });
    const { platforms } = await client.getImageInfo('alpine', '3');
    const blob = platforms[0]!.config;
    expect(await client.blobs.exists('alpine', blob.digest)).toBe(true);
    expect(await collect(client.listReferrers('alpine', digest))).toEqual([]);
    expect(hub.paths.filter((path) => !path.startsWith('/v2/library/alpine/'))).toEqual([]);
    expect([...hub.scopes]).toEqual(['repository:library/alpine:pull']);
  });

  it.each(['alpine:3', 'docker.io/alpine:3', 'index.docker.io/library/alpine:3', 'registry-1.docker.io/alpine:3'])(
    'pull takes %s, and writes and prints the name as docker does',
    async (name) => {
      const target = new PassThrough();
      const [pulled, tar] = await Promise.all([client.pull(name, target).finally(() => target.end()), buffer(target)]);
      expect(pulled.reference).toBe(`docker.io/library/alpine:3@${digest}`);
      const archive = await TarArchive.open(tar);
      expect((await archive.inspect())[0]!.tags).toEqual(['docker.io/library/alpine:3']);
    },
  );

  it('an image is pushed and copied, and layers are linked, under the full name', async () => {
    const events: CopyEvent[] = [];
    const copied = await client.copy('alpine:3', 'mine:1', { onProgress: (event) => events.push(event) });
    expect(copied.blobs).toMatchObject({ uploaded: 0, mounted: 2 });
    expect(events.at(-1)).toMatchObject({ state: 'tagged', reference: 'docker.io/library/mine:1' });
    const pushed = await client.push(imageTar({ layers: [{ motd: 'other' }] }), 'mine:2', { mountFrom: 'alpine' });
    expect(pushed.reference).toBe('docker.io/library/mine:2');
    expect(hub.paths.filter((path) => !/^\/v2\/library\/(alpine|mine)\//.test(path))).toEqual([]);
    const names = [...hub.scopes].map((scope) => scope.split(':')[1]);
    expect([...new Set(names)].sort()).toEqual(['library/alpine', 'library/mine']);
  });

  it('an upload that fails is given back under the full name', async () => {
    const descriptor = { mediaType: 'x', digest: `sha256:${'0'.repeat(64)}`, size: 5 };
    const open = (): Readable => new PassThrough().end('wrong');
    await expect(client.blobs.push('mine', { descriptor, open })).rejects.toThrow();
    expect(hub.scopes).toContain('repository:library/mine:pull,push,delete');
    expect([...hub.scopes].filter((scope) => !scope.includes(':library/mine:'))).toEqual([]);
  });

  it('what has a namespace keeps its name, and so does everything elsewhere', async () => {
    await expect(client.resolve('team/app', '1')).resolves.toBeUndefined();
    expect(hub.paths.at(-1)).toBe('/v2/team/app/manifests/1');
    const elsewhere = new FakeTransport(() => ({ status: 404 }));
    const mirror = new RegistryClient({ url: 'https://mirror.example', transport: elsewhere });
    await expect(mirror.resolve('alpine', '3')).resolves.toBeUndefined();
    expect(elsewhere.calls).toEqual(['HEAD https://mirror.example/v2/alpine/manifests/3']);
  });
});
