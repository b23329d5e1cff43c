import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RegistryServer } from '../../lib/embedded/http-server.js';
import { RegistryError } from '../../lib/errors.js';
import { digestOf } from '../../lib/oci/digest.js';
import type { RegistryClientOptions } from '../../lib/options.js';
import { RegistryClient } from '../../lib/registry-client.js';
import { AxiosTransport } from '../../lib/transport/axios-transport.js';
import { ForwardProxy, type ForwardProxyOptions } from '../support/forward-proxy.js';
import { TestServer, until } from '../support/test-server.js';
import { tlsFile, TlsFront } from '../support/tls-front.js';

const NAMES = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'no_proxy', 'NO_PROXY'];
const tls = { ca: tlsFile('ca.pem') };

describe('through a proxy', () => {
  const before = Object.fromEntries(NAMES.map((name) => [name, process.env[name]]));
  let undo: (() => Promise<void>)[];
  let registry: RegistryServer;
  let front: TlsFront;

  beforeEach(async () => {
    for (const name of NAMES) delete process.env[name];
    registry = await RegistryServer.start();
    front = await TlsFront.start({ to: plainPort() });
    undo = [() => registry.close(0), () => front.stop()];
  });

  afterEach(async () => {
    for (const step of undo.reverse()) await step();
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  const plainPort = (): number => Number(new URL(registry.url).port);

  async function proxyWith(options: ForwardProxyOptions = {}): Promise<ForwardProxy> {
    const proxy = await ForwardProxy.start(options);
    undo.push(() => proxy.stop());
    return proxy;
  }

  /** By a name that only the proxies of specs know. */
  function client(options: RegistryClientOptions, scheme: 'http' | 'https' = 'https'): RegistryClient {
    const url = `${scheme}://registry.test:${scheme === 'https' ? front.port : plainPort()}`;
    const retry = { retries: 1, baseDelay: 1 };
    const made = new RegistryClient({ url, credentials: 'anonymous', cache: false, retry, tls, ...options });
    undo.push(() => made.close());
    return made;
  }

  async function failureOf(made: RegistryClient): Promise<RegistryError> {
    const error = await made.checkConnectivity().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(RegistryError);
    return error as RegistryError;
  }

  describe('a registry with TLS and a private authority', () => {
    it('is reached by a tunnel, which is kept', async () => {
      const proxy = await proxyWith();
      const made = client({ proxy: proxy.url() });
      for (let i = 0; i < 6; i++) await made.checkConnectivity();
      expect(proxy.asked[0]).toBe(`CONNECT registry.test:${front.port}`);
      expect(proxy.asked.length).toBeLessThan(3);
      expect(proxy.headers[0]).not.toHaveProperty('proxy-authorization');
    });

    it.each(['HTTPS_PROXY', 'https_proxy'])('is reached by the proxy in %s', async (name) => {
      const proxy = await proxyWith();
      process.env[name] = proxy.url();
      await expect(client({}).checkConnectivity()).resolves.toBe(true);
      expect(proxy.asked).toEqual([`CONNECT registry.test:${front.port}`]);
    });

    it('is reached by a proxy that speaks TLS itself', async () => {
      const proxy = await proxyWith({ tls: true, auth: 'me:pass' });
      await expect(client({ proxy: proxy.url('me:pass') }).checkConnectivity()).resolves.toBe(true);
    });

    it('is reached by a proxy that speaks TLS with a certificate for itself alone', async () => {
      const elsewhere = await TlsFront.start({ to: plainPort(), certificate: 'other-name' });
      undo.push(() => elsewhere.stop());
      const proxy = await proxyWith({ tls: true });
      const url = `https://elsewhere.test:${elsewhere.port}`;
      await expect(client({ url, proxy: proxy.url() }).checkConnectivity()).resolves.toBe(true);
    });

    it('is not reached by a proxy whose certificate is for the registry', async () => {
      const proxy = await proxyWith({ tls: true, certificate: 'other-name' });
      const url = 'https://elsewhere.test';
      expect((await failureOf(client({ url, proxy: proxy.url() }))).message).toContain('127.0.0.1 is not in the cert');
      expect(proxy.asked).toEqual([]);
    });

    it('takes and gives what is large, as it is', async () => {
      const proxy = await proxyWith();
      const { blobs } = client({ proxy: proxy.url() });
      const bytes = randomBytes(3_000_000);
      const descriptor = { mediaType: 'x', digest: digestOf(bytes), size: bytes.length };
      const pushed = await blobs.push('app', { descriptor, open: () => Readable.from([bytes]) });
      expect(pushed.outcome).toBe('uploaded');
      const back = await buffer(await blobs.fetch('app', descriptor));
      expect(back.equals(bytes)).toBe(true);
    });

    it('is not trusted more than without a proxy', async () => {
      const proxy = await proxyWith();
      expect((await failureOf(client({ proxy: proxy.url(), tls: {} }))).code).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    });

    it('sees our certificate behind the tunnel', async () => {
      const asking = await TlsFront.start({ to: plainPort(), wantsClient: true });
      undo.push(() => asking.stop());
      const proxy = await proxyWith();
      const identity = { cert: tlsFile('client.pem'), key: tlsFile('client.key') };
      const url = `https://registry.test:${asking.port}`;
      await client({ url, proxy: proxy.url(), tls: { ...tls, ...identity } }).checkConnectivity();
      expect(asking.clients).toEqual(['spec client']);
    });

    it('is given up with the request while the proxy is silent', async () => {
      const silent = await TestServer.tcp((socket) => socket.resume());
      undo.push(() => silent.stop());
      const abort = new AbortController();
      const made = client({ proxy: silent.url().href });
      const pinged = made.checkConnectivity({ signal: abort.signal });
      await until(() => silent.openSockets > 0, 'the proxy is asked');
      abort.abort(new Error('enough'));
      await expect(pinged).rejects.toThrow('enough');
      await made.close();
      await until(() => silent.openSockets === 0, 'nobody waits for the proxy any more');
    });
  });

  describe('a registry without TLS', () => {
    it('is reached by a proxy that is told its whole address', async () => {
      const proxy = await proxyWith({ auth: 'me:p@ss' });
      process.env.http_proxy = proxy.url('me:p%40ss');
      await expect(client({}, 'http').checkConnectivity()).resolves.toBe(true);
      expect(proxy.asked).toEqual([`GET http://registry.test:${plainPort()}/v2/`]);
      expect(proxy.headers[0]).toMatchObject({ host: `registry.test:${plainPort()}` });
    });

    it('is reached by a proxy that speaks TLS with a certificate for itself alone', async () => {
      const proxy = await proxyWith({ tls: true });
      const url = `http://elsewhere.test:${plainPort()}`;
      await expect(client({ url, proxy: proxy.url() }).checkConnectivity()).resolves.toBe(true);
    });

    it('is reached by a proxy that speaks TLS', async () => {
      const proxy = await proxyWith({ tls: true });
      await expect(client({ proxy: proxy.url() }, 'http').checkConnectivity()).resolves.toBe(true);
      expect(proxy.asked).toHaveLength(1);
    });

    it('takes and gives what is large, as it is', async () => {
      const { blobs } = client({ proxy: (await proxyWith()).url() }, 'http');
      const bytes = randomBytes(3_000_000);
      const descriptor = { mediaType: 'x', digest: digestOf(bytes), size: bytes.length };
      await blobs.push('app', { descriptor, open: () => Readable.from([bytes]) });
      expect((await buffer(await blobs.fetch('app', descriptor))).equals(bytes)).toBe(true);
    });
  });

  describe('which one', () => {
    it('is said by the option before the environment, and NO_PROXY is about the environment', async () => {
      const [told, environment] = [await proxyWith(), await proxyWith()];
      process.env.HTTPS_PROXY = environment.url();
      process.env.NO_PROXY = '*';
      await client({ proxy: told.url() }).checkConnectivity();
      expect([told.asked.length, environment.asked.length]).toEqual([1, 0]);
    });

    it('is said by the entry of the host before the environment, and by the option before that', async () => {
      const [option, entry, environment] = [await proxyWith(), await proxyWith(), await proxyWith()];
      process.env.HTTPS_PROXY = environment.url();
      const hosts = { [`registry.test:${front.port}`]: { proxy: entry.url() } };
      await client({ hosts }).checkConnectivity();
      expect([entry.asked.length, environment.asked.length]).toEqual([1, 0]);
      await client({ hosts, proxy: option.url() }).checkConnectivity();
      expect([option.asked.length, entry.asked.length]).toEqual([1, 1]);
    });

    it('is none with false', async () => {
      const proxy = await proxyWith();
      process.env.HTTPS_PROXY = proxy.url();
      const error = await failureOf(client({ proxy: false }));
      expect([error.code, proxy.asked]).toEqual([expect.stringMatching(/ENOTFOUND|EAI_AGAIN/), []]);
    });

    it('is none for this machine, whatever is said', async () => {
      const proxy = await proxyWith();
      process.env.HTTPS_PROXY = proxy.url();
      await client({ url: `https://localhost:${front.port}`, proxy: proxy.url() }).checkConnectivity();
      expect(proxy.asked).toEqual([]);
    });
  });

  describe('that refuses', () => {
    it.each(['http', 'https'] as const)('and wants to know who we are, %s says so', async (scheme) => {
      const proxy = await proxyWith({ auth: 'me:hunter22' });
      for (const user of ['', 'me:wrong-pass']) {
        const error = await failureOf(client({ proxy: proxy.url(user) }, scheme));
        expect(error).toMatchObject({ code: 'PROXY_REFUSED', retryable: false, status: undefined });
        expect(error.message).toMatch(/the proxy 127\.0\.0\.1:\d+ answered 407 Proxy Authentication Required/);
        expect(inspect(error, { depth: 9 })).not.toContain('wrong-pass');
      }
    });

    it('by 403 is asked once, and its answer is not that of the registry', async () => {
      const proxy = await proxyWith({ refusal: 403 });
      const error = await failureOf(client({ proxy: proxy.url() }));
      expect(error).toMatchObject({ code: 'PROXY_REFUSED', retryable: false });
      expect(error.message).toMatch(/answered 403 Forbidden when asked for registry\.test:\d+\. .*NO_PROXY/);
      expect(proxy.asked).toHaveLength(1);
    });

    it('and asks for the password of the registry gets none', async () => {
      const proxy = await proxyWith({ refusal: 401 });
      const credentials = { username: 'me', password: 'hunter22' };
      await failureOf(client({ proxy: proxy.url(), credentials }));
      expect(JSON.stringify(proxy.headers)).not.toContain('authorization');
    });

    it('by 502 is asked again', async () => {
      const proxy = await proxyWith({ refusal: 502 });
      const error = await failureOf(client({ proxy: proxy.url() }));
      expect(error).toMatchObject({ code: 'PROXY_FAILED', retryable: true });
      expect(proxy.asked).toHaveLength(2);
    });

    it.each(['http', 'https'] as const)(
      'because it is down, %s names the proxy, and not the registry',
      async (scheme) => {
        const error = await failureOf(client({ proxy: 'http://me:hunter22@127.0.0.1:1' }, scheme));
        expect(error.code).toBe('PROXY_UNREACHABLE');
        expect(error.message).toMatch(/the proxy 127\.0\.0\.1:1 cannot be used: .*ECONNREFUSED.*Is the proxy running/);
        expect(inspect(error, { depth: 9 })).not.toContain('hunter22');
      },
    );
  });

  it.each(['ftp://proxy:21', 'socks5://proxy:1080', 'http://'])('%s is refused at once', (proxy) => {
    expect(() => client({ proxy })).toThrow(/the option proxy is .* not the address of an HTTP proxy/);
  });

  it.each(['http', 'https'])('shows no password of its proxy where a transport for %s is printed', async (scheme) => {
    const proxy = new URL('http://me:hunter22@127.0.0.1:1');
    const transport = new AxiosTransport({ settingsOf: () => ({ proxy }) });
    const request = { method: 'GET', url: new URL(`${scheme}://registry.test/v2/`), headers: {} };
    await expect(transport.send(request)).rejects.toThrow('the proxy 127.0.0.1:1');
    expect(inspect(transport, { depth: 20, showHidden: true })).not.toContain('hunter22');
  });

  it('shows no password of a proxy where its address is wrong', () => {
    expect(() => client({ proxy: 'socks5://me:hunter22@proxy' })).toThrow(/"socks5:\/\/proxy"/);
  });
});
