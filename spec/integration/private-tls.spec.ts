import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, it } from '@jest/globals';
import { RegistryClient, RegistryError } from '../../lib/index.js';
import { ForwardProxy } from '../support/forward-proxy.js';
import { integrationRegistry } from '../support/integration-registry.js';
import { runNode, type RunResult } from '../support/proc.js';
import { type RegistryProcess, startRegistry } from '../support/registry-process.js';
import { TemporaryFolders } from '../support/temporary-folder.js';
import { tlsFile, TlsFront } from '../support/tls-front.js';
import { uniqueRepository } from '../support/unique.js';

const ARCHIVE = 'spec/fixtures/docker-26-multi-tag.tar';
const CA = tlsFile('ca.pem');
const [CERT, KEY] = [tlsFile('client.pem'), tlsFile('client.key')];
const folders = new TemporaryFolders();

describe('a registry that lets in only whom its authority knows', () => {
  let registry: RegistryProcess;
  let host: string;
  let home: string;

  beforeAll(async () => {
    registry = await startRegistry({ mutualTls: true });
    host = `127.0.0.1:${registry.port}`;
  });
  afterAll(() => registry.stop());

  beforeEach(async () => {
    home = await folders.make();
  });
  afterEach(() => folders.remove());

  function cli(args: readonly string[], env: Record<string, string> = {}): Promise<RunResult> {
    const nobody = {
      REGISTRY_URL: undefined,
      DOCKER_CONFIG: undefined,
      XDG_CONFIG_HOME: undefined,
      XDG_CACHE_HOME: home,
    };
    return runNode('dist/cli/main.js', args, { env: { ...nobody, HOME: home, ...env } });
  }

  async function failure(tls: object): Promise<RegistryError> {
    const client = new RegistryClient({ url: `https://${host}`, credentials: 'anonymous', tls, retry: { retries: 0 } });
    const error = await client.checkConnectivity().catch((caught: unknown) => caught);
    await client.close();
    expect(error).toBeInstanceOf(RegistryError);
    return error as RegistryError;
  }

  it('takes a push and gives a pull, with flags', async () => {
    const flags = ['--ca-file', CA, '--cert-file', CERT, '--key-file', KEY];
    const name = `https://${host}/${uniqueRepository('mtls')}:1`;
    expect(await cli(['push', ARCHIVE, name, ...flags])).toMatchObject({ code: 0 });
    expect(await cli(['pull', name, join(home, 'app.tar'), ...flags])).toMatchObject({ code: 0 });
  });

  it("is known from docker's certs.d", async () => {
    const folder = join(home, '.docker/certs.d', host);
    await mkdir(folder, { recursive: true });
    await copyFile(CA, join(folder, 'ca.crt'));
    await copyFile(CERT, join(folder, 'client.cert'));
    expect(await cli(['ping', `https://${host}`])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('client.cert is there without client.key'),
    });
    await copyFile(KEY, join(folder, 'client.key'));
    expect(await cli(['ping', `https://${host}`])).toMatchObject({ code: 0 });
  });

  it('is known from the configuration file', async () => {
    const config = join(home, 'config.json');
    const entry = { tls: { ca: 'ca.pem', cert: 'client.pem', key: 'client.key' } };
    for (const [from, to] of [
      [CA, 'ca.pem'],
      [CERT, 'client.pem'],
      [KEY, 'client.key'],
    ] as const)
      await copyFile(from, join(home, to));
    await writeFile(config, JSON.stringify({ hosts: { [host]: { ...entry, plainHttp: false } } }));
    // Without a scheme, and although it is on this machine.
    expect(await cli(['ping', host, '--config', config])).toMatchObject({ code: 0 });
    expect(await cli(['ping', host], { REGISTRY_CLIENT_CONFIG: config })).toMatchObject({ code: 0 });
    await writeFile(config, JSON.stringify({ hosts: { [host]: { tsl: {} } } }));
    expect(await cli(['ping', host, '--config', config])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/hosts\["127\.0\.0\.1:\d+"\]\.tsl is unknown\. Did you mean tls\?/),
    });
  });

  it('keeps what Node trusts anyway', async () => {
    const flags = ['--ca-file', tlsFile('other-ca.pem'), '--cert-file', CERT, '--key-file', KEY];
    expect(await cli(['ping', `https://${host}`, ...flags], { NODE_EXTRA_CA_CERTS: CA })).toMatchObject({ code: 0 });
    expect(await cli(['ping', `https://${host}`, ...flags])).toMatchObject({ code: 1 });
  });

  it('says what is missing', async () => {
    for (const tls of [{ ca: CA }, { ca: CA, cert: tlsFile('stranger.pem'), key: tlsFile('stranger.key') }]) {
      const error = await failure(tls);
      expect(error.retryable).toBe(false);
      expect(error.message).toContain('--cert-file');
    }
    expect((await failure({})).message).toContain('--ca-file');
    expect(await cli(['ping', `https://${host}`, '--cert-file', CERT])).toMatchObject({ code: 2 });
  });
});

describe('a registry behind a proxy', () => {
  it('takes a push and gives it back, through a tunnel that wants a password', async () => {
    const { port } = new URL(integrationRegistry().url);
    const front = await TlsFront.start({ to: Number(port) });
    const proxy = await ForwardProxy.start({ auth: 'me:hunter22' });
    const url = `https://registry.corp.test:${front.port}`;
    const lines: string[] = [];
    const log = (line: string): void => void lines.push(line);
    const folder = await folders.make();
    const options = { url, log, cache: false, credentials: 'anonymous' as const, tls: { ca: CA } };
    const client = new RegistryClient({ ...options, proxy: proxy.url('me:hunter22') });
    try {
      const name = `${uniqueRepository('tunnel')}:1`;
      const pushed = await client.push(ARCHIVE, name);
      const pulled = await client.pull(name, join(folder, 'back.tar'), { format: 'oci' });
      expect(pulled.digest).toBe(pushed.digest);
      expect(new Set(proxy.asked)).toEqual(new Set([`CONNECT registry.corp.test:${front.port}`]));
      expect(lines.join('\n')).not.toContain('hunter22');
    } finally {
      await client.close();
      await proxy.stop();
      await front.stop();
      await folders.remove();
    }
  });
});
