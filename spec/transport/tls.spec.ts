import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { InvalidArgumentError, RegistryError } from '../../lib/errors.js';
import { RegistryClient } from '../../lib/registry-client.js';
import type { RegistryClientOptions } from '../../lib/options.js';
import { RegistryServer } from '../../lib/embedded/http-server.js';
import { AxiosTransport } from '../../lib/transport/axios-transport.js';
import { tlsFile, TlsFront, type TlsFrontOptions } from '../support/tls-front.js';
import { stopServers, TestServer } from '../support/test-server.js';

const CA = tlsFile('ca.pem');
const identity = { cert: tlsFile('client.pem'), key: tlsFile('client.key') };

describe('a registry behind TLS with a private authority', () => {
  let registry: RegistryServer;
  let undo: (() => Promise<void>)[];

  beforeEach(async () => {
    registry = await RegistryServer.start();
    undo = [() => registry.close(0)];
  });

  afterEach(async () => {
    for (const step of undo.reverse()) await step();
    await stopServers();
  });

  async function front(options: Partial<TlsFrontOptions> = {}): Promise<TlsFront> {
    const started = await TlsFront.start({ to: Number(new URL(registry.url).port), ...options });
    undo.push(() => started.stop());
    return started;
  }

  function clientFor({ port }: TlsFront, options: RegistryClientOptions = {}): RegistryClient {
    const retry = { retries: 1, baseDelay: 1 };
    const url = `https://127.0.0.1:${port}`;
    const client = new RegistryClient({ url, credentials: 'anonymous', cache: false, retry, ...options });
    undo.push(() => client.close());
    return client;
  }

  async function failureOf(client: RegistryClient): Promise<RegistryError> {
    const error = await client.checkConnectivity().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(RegistryError);
    return error as RegistryError;
  }

  it.each([
    ['a file', CA],
    ['PEM', readFileSync(CA, 'utf8')],
    ['bytes', readFileSync(CA)],
    ['one of several', [tlsFile('other-ca.pem'), CA]],
  ])('is trusted with the option tls.ca: %s', async (_, ca) => {
    await expect(clientFor(await front(), { tls: { ca } }).checkConnectivity()).resolves.toBe(true);
  });

  it('is trusted with the entry of its host', async () => {
    const server = await front();
    const hosts = { [`127.0.0.1:${server.port}`]: { tls: { ca: CA } } };
    await expect(clientFor(server, { hosts }).checkConnectivity()).resolves.toBe(true);
  });

  it('keeps its connections and TLS sessions', async () => {
    const server = await front();
    const client = clientFor(server, { tls: { ca: CA } });
    // An answer that nobody reads gives its connection back a moment later.
    for (let i = 0; i < 6; i++) await client.checkConnectivity();
    expect(server.connections).toBeLessThan(3);
  });

  it('is not trusted without, and the error names what helps', async () => {
    const error = await failureOf(clientFor(await front()));
    expect(error).toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', retryable: false });
    expect(error.message).toMatch(/tls\.ca, --ca-file or a file in certs\.d/);
  });

  it('is not trusted with another authority', async () => {
    const error = await failureOf(clientFor(await front(), { tls: { ca: tlsFile('other-ca.pem') } }));
    expect(error.message).toContain('--ca-file');
  });

  it('is taken as it is with insecure, for itself or for its host', async () => {
    const server = await front({ certificate: 'expired' });
    await expect(clientFor(server, { insecure: true }).checkConnectivity()).resolves.toBe(true);
    const hosts = { [`127.0.0.1:${server.port}`]: { insecure: true } };
    await expect(clientFor(server, { hosts }).checkConnectivity()).resolves.toBe(true);
    await failureOf(clientFor(server, { hosts, insecure: false }));
  });

  it.each([
    ['expired', 'CERT_HAS_EXPIRED', /has expired/],
    ['other-name', 'ERR_TLS_CERT_ALTNAME_INVALID', /is for another host name/],
  ] as const)('with a certificate that is %s is refused', async (certificate, code, words) => {
    const error = await failureOf(clientFor(await front({ certificate }), { tls: { ca: CA } }));
    expect(error).toMatchObject({ code, retryable: false });
    expect(error.message).toMatch(words);
  });

  describe('that wants a certificate of ours', () => {
    it.each([
      ['files', identity],
      ['PEM', { cert: readFileSync(identity.cert, 'utf8'), key: readFileSync(identity.key) }],
      ['an encrypted key', { ...identity, key: tlsFile('client-encrypted.key'), passphrase: 'opensesame' }],
    ])('gets it from %s', async (_, own) => {
      const server = await front({ wantsClient: true });
      await expect(clientFor(server, { tls: { ca: CA, ...own } }).checkConnectivity()).resolves.toBe(true);
      expect(server.clients).toEqual(['spec client']);
    });

    it('says so when it gets none', async () => {
      const error = await failureOf(clientFor(await front({ wantsClient: true }), { tls: { ca: CA } }));
      expect(error.retryable).toBe(false);
      expect(error.message).toContain('--cert-file');
    });

    it('does not see it when it is not the registry', async () => {
      const elsewhere = await front({ wantsClient: true });
      const redirecting = await TestServer.http((_, response) =>
        response.writeHead(307, { location: `https://127.0.0.1:${elsewhere.port}/v2/` }).end(),
      );
      const url = redirecting.url();
      const client = new RegistryClient({
        url,
        credentials: 'anonymous',
        tls: { ca: CA, ...identity },
        retry: { retries: 0 },
      });
      undo.push(() => client.close());
      expect((await failureOf(client)).message).toContain('--cert-file');
      const hosts = { [`127.0.0.1:${elsewhere.port}`]: { tls: identity } };
      const told = new RegistryClient({ url, credentials: 'anonymous', tls: { ca: CA }, hosts });
      undo.push(() => told.close());
      await expect(told.checkConnectivity()).resolves.toBe(true);
      expect(elsewhere.clients).toEqual(['spec client']);
    });
  });

  describe('a wrong file', () => {
    it.each([
      [
        'that is not there',
        { ca: '/nowhere/ca.pem' },
        /the file \/nowhere\/ca\.pem \(the option tls\.ca\) cannot be read: ENOENT/,
      ],
      [
        'without a certificate',
        { ca: identity.key },
        /client\.key \(the option tls\.ca\) holds no certificate in PEM.*openssl/,
      ],
      [
        'that is damaged',
        { ca: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' },
        /the option tls\.ca holds a certificate that is damaged/,
      ],
      ['without its key', { cert: identity.cert }, /the option tls\.cert is given without the option tls\.key/],
      ['of another key', { ...identity, key: tlsFile('server.key') }, /server\.key .* is not the key of .*client\.pem/],
      ['without a key', { ...identity, key: CA }, /ca\.pem \(the option tls\.key\) holds no private key/],
      [
        'that is encrypted',
        { ...identity, key: tlsFile('client-encrypted.key') },
        /is encrypted, and there is no passphrase/,
      ],
      [
        'with another passphrase',
        { ...identity, key: tlsFile('client-encrypted.key'), passphrase: 'no' },
        /has another passphrase/,
      ],
    ])('%s is named before anything is sent', (_, tls, message) => {
      const make = () => new RegistryClient({ url: 'https://registry.test', tls });
      expect(make).toThrow(InvalidArgumentError);
      expect(make).toThrow(message);
    });

    it('shows nothing of what is in it', () => {
      const key = readFileSync(identity.key, 'utf8')
        .replace('-----BEGIN', 'x-----BEGIN')
        .replace('PRIVATE KEY', 'PRIVATE KEX');
      try {
        new RegistryClient({ url: 'https://registry.test', tls: { ...identity, key } });
        throw new Error('it was taken');
      } catch (error) {
        const secret = key.split('\n')[1] as string;
        expect(String(error)).toContain('holds a private key that cannot be read');
        expect(String(error)).not.toContain(secret.slice(0, 20));
      }
    });

    it('of a host is told when that host is met, and not tried again', async () => {
      const server = await front();
      const hosts = { [`127.0.0.1:${server.port}`]: { tls: { ca: '/nowhere' } } };
      const error = await clientFor(server, { hosts })
        .checkConnectivity()
        .catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(InvalidArgumentError);
      expect(String(error)).toContain('/nowhere');
      expect(server.connections).toBe(0);
    });
  });

  it('moves much in both directions', async () => {
    const server = await front();
    const transport = new AxiosTransport({ settingsOf: () => ({ tls: { ca: [readFileSync(CA, 'utf8')] } }) });
    undo.push(() => transport.close());
    const big = await TestServer.http((request, response) => {
      request.resume().once('end', () => response.end('x'.repeat(5_000_000)));
    });
    const wide = await TlsFront.start({ to: big.port });
    undo.push(() => wide.stop());
    const { Readable } = await import('node:stream');
    const open = () => Readable.from([Buffer.alloc(3_000_000)]);
    const url = new URL(`https://127.0.0.1:${wide.port}/`);
    const answer = await transport.send({ method: 'PUT', url, headers: {}, body: { size: 3_000_000, open } });
    expect((await text(answer.body)).length).toBe(5_000_000);
    expect(server.connections).toBe(0);
  });
});
