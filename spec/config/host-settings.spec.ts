import { mkdirSync, copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { HostSettings, type OwnOptions } from '../../lib/config/host-settings.js';
import { Hosts } from '../../lib/config/hosts.js';
import type { HostsOptions } from '../../lib/config/host-options.js';
import { type RegistryClientOptions, resolveOptions } from '../../lib/options.js';
import { tlsFile } from '../support/tls-front.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

const folders = new TemporaryFolders();
const REGISTRY = new URL('https://registry.test/');
const STORAGE = new URL('https://storage.test/');
const pem = (name: string) => readFileSync(tlsFile(name), 'utf8').trim();
const client = { cert: tlsFile('client.pem'), key: tlsFile('client.key') };

describe('HostSettings', () => {
  let home: string;

  beforeEach(async () => {
    home = await folders.make();
  });
  afterEach(() => folders.remove());

  function settings(own: OwnOptions = {}, hosts: HostsOptions = {}, env: Record<string, string> = {}): HostSettings {
    return new HostSettings({ registry: REGISTRY, own, hosts: new Hosts(hosts), env: { HOME: home, ...env } });
  }

  /** What docker has for the registry. */
  function certsD(...files: [from: string, to: string][]): void {
    const folder = join(home, '.docker/certs.d/registry.test');
    mkdirSync(folder, { recursive: true });
    for (const [from, to] of files) copyFileSync(tlsFile(from), join(folder, to));
  }

  describe('the authorities', () => {
    const trusted = (made: HostSettings, url = REGISTRY) => made.connection(url).tls?.ca;

    it('are those of certs.d, unless the entry of the host or an option names others', () => {
      certsD(['ca.pem', 'ca.crt']);
      expect(trusted(settings())).toEqual([pem('ca.pem')]);
      const hosts = { 'registry.test': { tls: { ca: tlsFile('other-ca.pem') } } };
      expect(trusted(settings({}, hosts))).toEqual([pem('other-ca.pem')]);
      expect(trusted(settings({ tls: { ca: tlsFile('other-ca.pem') } }))).toEqual([pem('other-ca.pem')]);
    });

    it('of an option are trusted of every host, those of a host of that host only', () => {
      expect(trusted(settings({ tls: { ca: tlsFile('ca.pem') } }), STORAGE)).toEqual([pem('ca.pem')]);
      const hosts = { 'registry.test': { tls: { ca: tlsFile('ca.pem') } } };
      expect(trusted(settings({}, hosts), STORAGE)).toBeUndefined();
    });

    it('are not looked for where there is no TLS', () => {
      certsD(['client.pem', 'client.cert']);
      expect(settings().connection(new URL('http://registry.test/')).tls).toBeUndefined();
    });
  });

  describe('our certificate', () => {
    const shown = (made: HostSettings, url = REGISTRY) => made.connection(url).tls?.identity?.cert.trim();

    it('is that of the option, then of the host, then of certs.d', () => {
      certsD(['client.pem', 'client.cert'], ['client.key', 'client.key']);
      expect(shown(settings())).toBe(pem('client.pem'));
      const stranger = { cert: tlsFile('stranger.pem'), key: tlsFile('stranger.key') };
      const hosts = { 'registry.test': { tls: stranger } };
      expect(shown(settings({}, hosts))).toBe(pem('stranger.pem'));
      expect(shown(settings({ tls: client }, hosts))).toBe(pem('client.pem'));
    });

    it('of the option is for the registry only', () => {
      expect(shown(settings({ tls: client }), STORAGE)).toBeUndefined();
      expect(shown(settings({ tls: client }), new URL('https://registry.test:8443/'))).toBeUndefined();
    });

    it('of a damaged folder is told, and helped by an option', () => {
      certsD(['client.pem', 'client.cert'], ['server.key', 'client.key']);
      expect(() => settings().connection(REGISTRY)).toThrow(/client\.key \(certs\.d\.key\) is not the key of/);
      const tls = { ...client, ca: tlsFile('ca.pem') };
      expect(shown(settings({ tls }))).toBe(pem('client.pem'));
    });
  });

  describe('the proxy', () => {
    const env = { HTTPS_PROXY: 'http://environment:1', NO_PROXY: 'storage.test' };
    const proxy = (made: HostSettings, url = REGISTRY) => made.connection(url).proxy?.host;

    it('is that of the option, then of the host, then of the environment', () => {
      expect(proxy(settings({}, {}, env))).toBe('environment:1');
      const hosts = { '*': { proxy: 'entry:2' } };
      expect(proxy(settings({}, hosts, env))).toBe('entry:2');
      expect(proxy(settings({ proxy: 'option:3' }, hosts, env))).toBe('option:3');
      expect(proxy(settings({ proxy: false }, hosts, env))).toBeUndefined();
      expect(proxy(settings({}, {}, env), STORAGE)).toBeUndefined();
    });
  });

  describe('headers', () => {
    const own = { headers: { 'X-Own': 'a', 'x-both': 'option' } };
    const hosts = { 'registry.test': { headers: { 'X-Both': 'entry', 'x-entry': 'b' } } };

    it('of the option go to the registry only, and count more than those of its entry', () => {
      const made = settings(own, hosts);
      expect(made.headers(REGISTRY)).toEqual({ 'x-own': 'a', 'x-both': 'option', 'x-entry': 'b' });
      expect(made.headers(STORAGE)).toBeUndefined();
      expect(made.headers(new URL('https://registry.test:444/'))).toBeUndefined();
    });

    it('of an entry do not go over plain http that nobody asked for', () => {
      expect(settings({}, hosts).headers(new URL('http://registry.test/'))).toBeUndefined();
      const plain = { 'registry.test': { ...hosts['registry.test'], plainHttp: true } };
      expect(settings({}, plain).headers(new URL('http://registry.test/'))).toMatchObject({ 'x-entry': 'b' });
    });
  });

  it('shows nothing of what it holds', () => {
    const made = settings({ headers: { x: 'hunter22' }, proxy: 'http://me:hunter22@proxy' });
    expect(inspect(made, { depth: 9, showHidden: true }) + JSON.stringify(made)).not.toContain('hunter22');
  });
});

describe('resolveOptions with settings for hosts', () => {
  const resolve = (options: RegistryClientOptions, env: Record<string, string> = {}) => resolveOptions(options, env);
  const hosts = {
    'registry.test': { concurrency: 3, chunkSize: 4, insecure: true, mirrors: ['mirror.test'] },
    'plain.test:5000': { plainHttp: true },
    'plain80.test:80': { plainHttp: true },
    'mirror.test': { credentials: { username: 'me', password: 'p' } },
  };

  it('takes an option before the entry of the host, and that before the default', () => {
    const entry = { concurrency: 3, chunkSize: 4, insecure: true, isAdaptive: false };
    expect(resolve({ url: 'registry.test', hosts })).toMatchObject(entry);
    expect(resolve({ hosts }, { REGISTRY_URL: 'registry.test' })).toMatchObject(entry);
    const own = { concurrency: 5, chunkSize: 6, insecure: false };
    expect(resolve({ url: 'registry.test', hosts, ...own })).toMatchObject(own);
    expect(resolve({ url: 'other.test', hosts })).toMatchObject({ concurrency: 8, insecure: false, isAdaptive: true });
  });

  it('speaks http where an entry says so, and an address does not say otherwise', () => {
    const url = (text: string) => resolve({ url: text, hosts }).url.href;
    expect(url('plain.test:5000')).toBe('http://plain.test:5000/');
    expect(url('https://plain.test:5000')).toBe('https://plain.test:5000/');
    expect(url('plain.test')).toBe('https://plain.test/');
    expect([url('plain80.test:80'), url('plain80.test')]).toEqual(['http://plain80.test/', 'http://plain80.test/']);
    expect(resolve({ url: 'localhost:1', hosts: { 'localhost:1': { plainHttp: false } } }).url.href).toBe(
      'https://localhost:1/',
    );
  });

  it('takes credentials from the option, then the address, then the entry', async () => {
    const mirror = { 'registry.test': { credentials: { username: 'entry', password: 'p' } } };
    const user = async (options: RegistryClientOptions) => {
      const found = await resolve({ hosts: mirror, ...options }).credentials?.('registry.test');
      return (found as { username?: string } | undefined)?.username;
    };
    await expect(user({ url: 'registry.test' })).resolves.toBe('entry');
    await expect(user({ url: 'https://address:p@registry.test' })).resolves.toBe('address');
    const credentials = { username: 'option', password: 'p' };
    await expect(user({ url: 'https://address:p@registry.test', credentials })).resolves.toBe('option');
    await expect(user({ url: 'registry.test', credentials: 'anonymous' })).resolves.toBeUndefined();
  });

  it('gives mirrors their own credentials, and none of the registry', async () => {
    const given = {
      url: 'https://me:secret@registry.test',
      hosts,
      mirrors: ['mirror.test', 'http://a:b@other.test/prefix'],
    };
    const [first, second] = resolve(given).mirrors;
    expect([first?.url.href, second?.url.href]).toEqual(['https://mirror.test/', 'http://other.test/prefix/']);
    await expect(first?.credentials?.('mirror.test')).resolves.toEqual({ username: 'me', password: 'p' });
    await expect(second?.credentials?.('other.test')).resolves.toEqual({ username: 'a', password: 'b' });
  });
});
