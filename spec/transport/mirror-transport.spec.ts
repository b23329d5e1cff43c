import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { RegistryServer } from '../../lib/embedded/http-server.js';
import { AuthenticationError } from '../../lib/errors.js';
import { digestOf } from '../../lib/oci/digest.js';
import { MediaType } from '../../lib/oci/media-types.js';
import type { RegistryClientOptions } from '../../lib/options.js';
import { RegistryClient } from '../../lib/registry-client.js';
import { MirrorTransport } from '../../lib/transport/mirror-transport.js';
import { uncounted } from '../../lib/transport/time-limit.js';
import { streamOf } from '../../lib/oci/byte-stream.js';
import { FakeTransport, type FakeHandler } from '../support/fake-transport.js';
import { stopServers, TestServer } from '../support/test-server.js';

const DIGEST = digestOf('x');

/** As if so many milliseconds had passed. */
function later(ms: number): void {
  const now = performance.now.bind(performance);
  jest.spyOn(performance, 'now').mockImplementation(() => now() + ms);
}

describe('MirrorTransport', () => {
  afterEach(() => void jest.restoreAllMocks());

  const registry = new URL('https://registry.test/prefix/');

  function setUp(mirror: FakeHandler = () => ({ body: 'mirror' })) {
    const [own, other] = [new FakeTransport(() => ({ body: 'registry' })), new FakeTransport(mirror)];
    const transport = new MirrorTransport(own, registry, [
      { url: new URL('https://mirror.test/cache/'), transport: other },
    ]);
    const ask = async (path: string, method = 'GET', signal?: AbortSignal) => {
      const request = { method, url: new URL(path, registry), headers: {}, signal };
      return text((await transport.send(request)).body);
    };
    return { own, other, transport, ask };
  }

  it.each(['v2/a/b/manifests/1', `v2/a/manifests/${DIGEST}`, `v2/a/blobs/${DIGEST}?x=1`])(
    'asks for %s there first',
    async (path) => {
      const { own, other, ask } = setUp();
      expect(await ask(path)).toBe('mirror');
      expect([other.calls, own.calls]).toEqual([[`GET https://mirror.test/cache/${path}`], []]);
      await ask(path, 'HEAD');
      expect(own.calls).toEqual([]);
    },
  );

  it.each([
    ['GET', 'v2/'],
    ['GET', 'v2/_catalog'],
    ['GET', 'v2/a/tags/list'],
    ['GET', `v2/a/referrers/${DIGEST}`],
    ['GET', 'v2/a/blobs/uploads/1'],
    ['POST', 'v2/a/blobs/uploads/'],
    ['PUT', 'v2/a/manifests/1'],
    ['DELETE', 'v2/a/manifests/1'],
    ['GET', 'https://storage.test/v2/a/manifests/1'],
  ])('never asks for %s %s there', async (method, path) => {
    const { other, ask } = setUp();
    expect(await ask(path, method)).toBe('registry');
    expect(other.calls).toEqual([]);
  });

  it.each([301, 404, 400])('goes on to the registry after %i, and asks again', async (status) => {
    const { other, ask } = setUp(() => ({ status, body: 'no' }));
    expect(await ask('v2/a/manifests/1')).toBe('registry');
    expect(other.openBodies).toBe(0);
    await ask('v2/a/manifests/1');
    expect(other.calls).toHaveLength(2);
  });

  it.each([401, 403, 429, 502, 503])('goes on to the registry after %i, and lets it rest for 30 s', async (status) => {
    const { other, ask } = setUp(() => ({ status, body: 'no' }));
    for (let i = 0; i < 3; i++) expect(await ask('v2/a/manifests/1')).toBe('registry');
    expect([other.openBodies, other.calls.length]).toEqual([0, 1]);
    later(31_000);
    await ask('v2/a/manifests/1');
    expect(other.calls).toHaveLength(2);
  });

  it('lets one rest that refuses who we are before it is asked', async () => {
    const { other, ask } = setUp(() => {
      throw new AuthenticationError('no', { code: 'UNAUTHORIZED', status: 401 });
    });
    for (let i = 0; i < 3; i++) expect(await ask('v2/a/manifests/1')).toBe('registry');
    expect(other.calls).toHaveLength(1);
  });

  describe('when no answer comes', () => {
    beforeEach(() => void jest.useFakeTimers());
    afterEach(() => void jest.useRealTimers());

    it('goes on to the registry after 5 s', async () => {
      const { ask } = setUp(() => new Promise(() => undefined));
      const asked = ask('v2/a/manifests/1');
      await jest.advanceTimersByTimeAsync(5000);
      expect(await asked).toBe('registry');
    });

    it('does not count the wait for a turn at our own pace', async () => {
      let turn = (): void => undefined;
      const { ask, own } = setUp(async ({ signal }) => {
        await uncounted(signal, () => new Promise<void>((resolve) => (turn = resolve)));
        return { body: 'mirror' };
      });
      const asked = ask('v2/a/manifests/1');
      await jest.advanceTimersByTimeAsync(60_000);
      turn();
      expect([await asked, own.calls]).toEqual(['mirror', []]);
    });

    it('waits for a body as long as that takes, once its head is there', async () => {
      const body = new PassThrough();
      const { ask } = setUp(() => ({ body }));
      const asked = ask('v2/a/manifests/1');
      await jest.advanceTimersByTimeAsync(60_000);
      body.end('late');
      expect(await asked).toBe('late');
    });
  });

  it('is told of the caller, who leaves', async () => {
    const abort = new AbortController();
    const { ask, own } = setUp(() => {
      setImmediate(() => abort.abort(new Error('enough')));
      return new Promise(() => undefined);
    });
    await expect(ask('v2/a/manifests/1', 'GET', abort.signal)).rejects.toThrow('enough');
    expect(own.calls).toEqual([]);
  });

  it('closes the registry', async () => {
    const { own, transport } = setUp();
    await transport.close();
    expect(own.isClosed).toBe(true);
  });
});

describe('a client with a mirror', () => {
  let undo: (() => Promise<unknown>)[] = [];

  afterEach(async () => {
    jest.restoreAllMocks();
    for (const step of undo.reverse()) await step();
    undo = [];
    await stopServers();
  });

  async function registry(): Promise<{
    url: string;
    seen: string[];
    client: (more?: RegistryClientOptions) => RegistryClient;
  }> {
    const server = await RegistryServer.start();
    undo.push(() => server.close(0));
    const seen: string[] = [];
    const front = await TestServer.http((request, response) => {
      seen.push(`${request.method} ${request.url}`);
      void fetch(new URL(request.url ?? '', server.url), passed(request)).then(async (answer) => {
        response
          .writeHead(answer.status, Object.fromEntries(answer.headers))
          .end(Buffer.from(await answer.arrayBuffer()));
      });
    });
    const url = front.url().href;
    const client = (more: RegistryClientOptions = {}) => {
      const made = new RegistryClient({
        url,
        credentials: 'anonymous',
        cache: false,
        retry: { baseDelay: 1 },
        ...more,
      });
      undo.push(() => made.close());
      return made;
    };
    return { url, seen, client };
  }

  async function store(client: RegistryClient, tag: string, content: string): Promise<string> {
    const bytes = Buffer.from(
      JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        config: { Labels: { content } },
        rootfs: { type: 'layers', diff_ids: [] },
      }),
    );
    const config = { mediaType: MediaType.ociConfig, digest: digestOf(bytes), size: bytes.length };
    await client.blobs.push('app', { descriptor: config, open: () => streamOf(bytes) });
    const manifest = { schemaVersion: 2, mediaType: MediaType.ociManifest, config, layers: [] } as const;
    return (await client.pushManifest('app', tag, manifest)).digest;
  }

  it('reads there, and writes, lists and deletes at the registry', async () => {
    const [own, mirror] = [await registry(), await registry()];
    const client = own.client({ mirrors: [mirror.url] });
    await store(mirror.client(), '1', 'same');
    await store(client, '1', 'same');
    [own.seen.length, mirror.seen.length] = [0, 0];
    await client.getImageInfo('app', '1');
    await client.resolve('app', '1');
    expect(own.seen).toEqual([]);
    expect(mirror.seen.length).toBeGreaterThan(2);
    mirror.seen.length = 0;
    await client.tag('app', '1', '2');
    await client.copy('app:2', 'app:3');
    for await (const tag of client.listTags('app')) expect(tag).toMatch(/[123]/);
    await client.deleteImage('app', '1', { force: true });
    expect(mirror.seen).toEqual([]);
  });

  it('reads at the registry what is not there, or when nobody is', async () => {
    const [own, empty] = [await registry(), await registry()];
    const digest = await store(own.client(), '1', 'only here');
    for (const mirrors of [[empty.url], ['http://127.0.0.1:1'], ['http://127.0.0.1:1', empty.url]]) {
      const found = await own.client({ mirrors }).getManifest('app', '1');
      expect(found.descriptor.digest).toBe(digest);
    }
    expect(empty.seen.length).toBeGreaterThan(1);
  });

  it('tries a password that it refuses once for an image, not once for each layer', async () => {
    const own = await registry();
    await store(own.client(), '1', 'x');
    const tried: unknown[] = [];
    const strict = await TestServer.http(({ headers }, response) => {
      if (headers.authorization) tried.push(headers.authorization);
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    });
    const credentials = { username: 'me', password: 'old' };
    const client = own.client({ hosts: { [strict.url().host]: { credentials } }, mirrors: [strict.url()] });
    for (let i = 0; i < 5; i++) await client.getManifest('app', '1');
    expect(tried).toHaveLength(1);
  });

  it('waits for no pause that it asks for', async () => {
    const own = await registry();
    await store(own.client(), '1', 'x');
    let asked = 0;
    const busy = await TestServer.http((_, response) => {
      asked += 1;
      response.writeHead(429, { 'retry-after': '60' }).end();
    });
    const client = own.client({ mirrors: [busy.url()] });
    await client.getManifest('app', '1');
    later(31_000);
    await client.getManifest('app', '1');
    expect(asked).toBe(2);
  });

  it('shows it nothing of who we are at the registry', async () => {
    const own = await registry();
    await store(own.client(), '1', 'x');
    const authorizations: unknown[] = [];
    const greedy = await TestServer.http((request, response) => {
      authorizations.push(request.headers.authorization, request.headers['x-secret']);
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    });
    const credentials = { username: 'me', password: 'hunter22' };
    const hosts = { [greedy.url().host]: { credentials: 'anonymous' as const } };
    const client = own.client({ credentials, hosts, headers: { 'x-secret': 'hunter22' }, mirrors: [greedy.url()] });
    await client.getManifest('app', '1');
    expect(authorizations.length).toBeGreaterThan(0);
    expect(authorizations.filter((value) => value !== undefined)).toEqual([]);
  });
});

function passed(request: IncomingMessage): RequestInit {
  const { method = 'GET', headers } = request;
  const { host: _, connection: __, 'content-length': ___, 'transfer-encoding': ____, ...kept } = headers;
  const hasBody = method !== 'GET' && method !== 'HEAD';
  const init = {
    method,
    headers: kept as Record<string, string>,
    ...(hasBody ? { body: request, duplex: 'half' } : {}),
  };
  return init as unknown as RequestInit;
}
