import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  collect,
  digestOf,
  extractOriginalTags,
  getPrimaryTag,
  getTarManifest,
  type ImageConfig,
  type ImageManifest,
  inspectDockerTar,
  InvalidArgumentError,
  NotFoundError,
  parseRepositoryTag,
  RegistryClient,
  type RegistryClientOptions,
  RegistryError,
  shortDigest,
  TarReadError,
  validateDockerTar,
  ValidationError,
} from '../../lib/index.js';
import { isolatedRepository, startTestRegistry } from '../../lib/testing/index.js';
import { integrationRegistry } from '../support/integration-registry.js';
import { readBack, readTags } from '../support/reading-back.js';
import { imageTar } from '../support/image-tar.js';
import { uniqueRepository } from '../support/unique.js';

const TAR = 'spec/fixtures/docker-20.10-multi-tag.tar';
const TWO_IMAGES = 'spec/fixtures/docker-20.10-multi-image.tar';

let client: RegistryClient;
beforeAll(() => {
  client = new RegistryClient({ url: integrationRegistry().url });
});
afterAll(() => client.close());

async function pushed(): Promise<{ repository: string; digest: string }> {
  return client.push(TAR, `${uniqueRepository('parity')}:v1`);
}

/** Own repositories for the tags an archive was saved with. */
function renamed(prefix: string): { rename: (tag: string) => string } {
  return { rename: (tag) => `${prefix}/${parseRepositoryTag(tag).repository}:${parseRepositoryTag(tag).tag}` };
}

/** By the first name in each row of the table of docs/migrating-from-python.md: what it does here, against the real registry. */
const ROWS: Record<string, () => Promise<void>> = {
  check_registry_connectivity: async () => {
    expect(await client.checkConnectivity({ timeout: 5000 })).toBe(true);
    const nobody = new RegistryClient({ url: 'http://127.0.0.1:9', retry: { retries: 0 } });
    await expect(nobody.checkConnectivity({ timeout: 5000 })).rejects.toBeInstanceOf(RegistryError);
  },
  push_docker_tar: async () => {
    const { repository, digest } = await pushed();
    expect((await readBack(integrationRegistry(), repository, 'v1')).manifestDigest).toBe(digest);
  },
  push_docker_tar_with_original_tags: async () => {
    const { repository, tag } = (await getPrimaryTag(TAR))!;
    const prefix = uniqueRepository('first');
    const [first, ...others] = await client.pushOriginalTags(TAR, { which: 'first', ...renamed(prefix) });
    expect(others).toEqual([]);
    expect(first).toMatchObject({ repository: `${prefix}/${repository}`, tag });
  },
  push_docker_tar_with_all_original_tags: async () => {
    const all = await client.pushOriginalTags(TWO_IMAGES, renamed(uniqueRepository('all')));
    expect(all).toHaveLength((await extractOriginalTags(TWO_IMAGES)).length);
    expect(new Set(all.map(({ digest }) => digest)).size).toBeGreaterThan(1);
    for (const { repository, tag, digest } of all) {
      expect((await readBack(integrationRegistry(), repository, tag)).manifestDigest).toBe(digest);
    }
  },
  list_repositories: async () => {
    const { repository } = await pushed();
    expect(await collect(client.listRepositories())).toContain(repository);
  },
  list_tags: async () => {
    const { repository } = await pushed();
    await client.tag(repository, 'v1', 'v2');
    expect(await collect(client.listTags(repository))).toEqual(['v1', 'v2']);
    await expect(collect(client.listTags(uniqueRepository('none')))).rejects.toBeInstanceOf(NotFoundError);
  },
  get_manifest: async () => {
    const { repository, digest } = await pushed();
    const { manifest, descriptor, bytes } = await client.getManifest(repository, 'v1');
    expect(manifest.schemaVersion).toBe(2);
    expect(descriptor.digest).toBe(digest);
    expect(`sha256:${createHash('sha256').update(bytes).digest('hex')}`).toBe(digest);
  },
  get_image_info: async () => {
    const { repository, digest } = await pushed();
    const info = await client.getImageInfo(repository, 'v1');
    expect(info).toMatchObject({ digest, architecture: 'amd64', os: 'linux', created: expect.any(String) });
    expect(info.layers.length).toBeGreaterThan(0);
  },
  delete_image: async () => {
    const { repository, digest } = await pushed();
    expect(await client.deleteImage(repository, 'v1')).toEqual({ digest, untagged: ['v1'] });
    expect(await readTags(integrationRegistry(), repository)).toEqual([]);
  },
  delete_image_by_digest: async () => {
    const { repository, digest } = await pushed();
    await client.deleteImageByDigest(repository, digest);
    expect(await client.resolve(repository, digest)).toBeUndefined();
  },
  extract_original_tags: async () => {
    const tags = await extractOriginalTags(TAR);
    expect(tags).toEqual((await getTarManifest(TAR)).flatMap(({ RepoTags }) => RepoTags));
  },
  get_primary_tag: async () => {
    expect(await getPrimaryTag(TAR)).toEqual(parseRepositoryTag((await extractOriginalTags(TAR))[0]!));
  },
  parse_repository_tag: () => {
    expect(parseRepositoryTag('nginx:alpine')).toEqual({ repository: 'nginx', tag: 'alpine' });
    expect(parseRepositoryTag('localhost:5000/app')).toMatchObject({ registry: 'localhost:5000', tag: 'latest' });
    return Promise.resolve();
  },
  validate_docker_tar: async () => {
    expect([await validateDockerTar(TAR), await validateDockerTar(Buffer.alloc(1024))]).toEqual([true, false]);
  },
  inspect_docker_tar: async () => {
    const [image] = await inspectDockerTar(TAR);
    expect(image).toMatchObject({ architecture: 'amd64', os: 'linux', size: expect.any(Number) });
    const { repository } = await pushed();
    expect((await client.getImageInfo(repository, 'v1')).config.digest).toBe(image!.config.digest);
  },
  get_tar_manifest: async () => {
    const [entry] = await getTarManifest(TAR);
    expect(Object.keys(entry!)).toEqual(expect.arrayContaining(['Config', 'RepoTags', 'Layers']));
  },
  check_blob_exists: async () => {
    const { repository } = await pushed();
    const { config } = await client.getImageInfo(repository, 'v1');
    expect(await client.blobs.exists(repository, config.digest)).toBe(true);
    expect(await client.blobs.exists(repository, digestOf('nothing'))).toBe(false);
  },
  upload_blob: async () => {
    const bytes = Buffer.from('a blob');
    const descriptor = { mediaType: 'text/plain', digest: digestOf(bytes), size: bytes.length };
    const repository = uniqueRepository('blob');
    const { outcome } = await client.blobs.push(repository, { descriptor, open: () => Readable.from([bytes]) });
    expect([outcome, String(await client.blobs.read(repository, descriptor))]).toEqual(['uploaded', 'a blob']);
  },
  upload_blob_chunked: async () => {
    const repository = uniqueRepository('stream');
    const open = () => Readable.from([Buffer.from('of unknown '), Buffer.from('length')]);
    const { descriptor } = await client.blobs.pushStream(repository, { mediaType: 'text/plain', open });
    expect(descriptor).toMatchObject({ digest: digestOf('of unknown length'), size: 17 });
    expect(await client.blobs.exists(repository, descriptor.digest)).toBe(true);
  },
  upload_manifest: async () => {
    const { repository } = await pushed();
    const { manifest } = await client.getManifest(repository, 'v1');
    const { digest } = await client.pushManifest(repository, 'again', manifest);
    expect((await readBack(integrationRegistry(), repository, 'again')).manifestDigest).toBe(digest);
  },
  calculate_digest: () => {
    expect(digestOf(Buffer.from('data'))).toBe(`sha256:${createHash('sha256').update('data').digest('hex')}`);
    return Promise.resolve();
  },
  'asyncio.gather': async () => {
    const all = await Promise.all(Array.from({ length: 5 }, pushed));
    const infos = await Promise.all(all.map(({ repository }) => client.getImageInfo(repository, 'v1')));
    expect(infos.map(({ digest }) => digest)).toEqual(all.map(({ digest }) => digest));
    const wanted = new Set(all.map(({ repository }) => repository));
    for await (const { repository } of client.listImages()) wanted.delete(repository);
    expect([...wanted]).toEqual([]);
  },
  create_session: async () => {
    const connections: Socket[] = [];
    const counting = createServer({ keepAliveTimeout: 0 }, (_, answer) => void answer.end('{}'));
    counting.on('connection', (socket) => connections.push(socket));
    await once(counting.listen(0, '127.0.0.1'), 'listening');
    const own = new RegistryClient({ url: `http://127.0.0.1:${(counting.address() as AddressInfo).port}` });
    for (let times = 0; times < 10; times++) await own.checkConnectivity();
    // The second request may come before the connection of the first is free again.
    expect(connections.length).toBeLessThanOrEqual(2);
    expect(connections.every(({ closed }) => closed)).toBe(false);
    const closed = connections.filter((socket) => !socket.closed).map((socket) => once(socket, 'close'));
    await own.close();
    await Promise.all(closed);
    counting.close();
  },
  RegistryConfig: async () => {
    const { url } = integrationRegistry();
    const own = new RegistryClient({ url: `${url}/`, timeout: 50, retry: { retries: 0 } });
    expect(own.registry).toBe(new URL(url).host);
    expect(await own.checkConnectivity({ timeout: 5000 })).toBe(true);
    await own.close();
    expect(await secondsUntilGivenUp({ timeout: 50 })).toBeLessThan(5);
    for (const wrong of [{ url: 'ftp://host' }, { timeout: 0 }, { concurrency: -1 }]) {
      expect(() => new RegistryClient(wrong)).toThrow(InvalidArgumentError);
    }
  },
  BlobInfo: async () => {
    const { repository, digest } = await pushed();
    const descriptor = (await client.resolve(repository, 'v1'))!;
    expect(descriptor).toMatchObject({ digest, size: expect.any(Number), mediaType: expect.any(String) });
    expect(shortDigest(digest)).toBe(digest.slice(7, 19));
  },
  ManifestInfo: async () => {
    const { repository } = await pushed();
    const { config, layers } = (await client.getManifest(repository, 'v1')).manifest as ImageManifest;
    const { size } = await client.getImageInfo(repository, 'v1');
    expect(size).toBe(config.size + layers.reduce((sum, layer) => sum + layer.size, 0));
  },
  ImageConfig: async () => {
    const { repository } = await pushed();
    const config: ImageConfig = await client.getImageInfo(repository, 'v1');
    const [inspection] = await inspectDockerTar(TAR);
    expect([config.labels, config.env]).toEqual([inspection!.config.labels, inspection!.config.env]);
    expect(inspection!.layers[0]).toMatchObject({
      diffId: expect.stringMatching(/^sha256:/),
      size: expect.any(Number),
    });
  },
  RegistryError: async () => {
    await expect(client.getManifest(uniqueRepository('none'), 'v1')).rejects.toBeInstanceOf(RegistryError);
    await expect(client.push('nowhere.tar', 'app')).rejects.toBeInstanceOf(TarReadError);
    const { tar } = imageTar({ format: 'docker-24', missingConfig: true });
    await expect(client.push(tar, 'app')).rejects.toBeInstanceOf(ValidationError);
  },
  REGISTRY_URL: async () => {
    const { url } = integrationRegistry();
    const lines: string[] = [];
    const write = jest.spyOn(process.stderr, 'write').mockImplementation((line) => lines.push(String(line)) > 0);
    try {
      await withEnvironment({ REGISTRY_URL: url, REGISTRY_DEBUG: 'true' }, async () => {
        const own = new RegistryClient();
        await own.checkConnectivity();
        expect(own.registry).toBe(new URL(url).host);
        await own.close();
      });
      expect(lines.join('')).toMatch(/GET \S+\/v2\/.* 200/);
    } finally {
      write.mockRestore();
    }
    await withEnvironment({ REGISTRY_TIMEOUT: '1' }, async () => {
      const seconds = await secondsUntilGivenUp({});
      expect(seconds).toBeGreaterThan(0.9);
      expect(seconds).toBeLessThan(10);
    });
  },
  pull: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'parity-'));
    const { repository, digest } = await pushed();
    const file = join(folder, 'app.tar');
    await writeFile(file, 'something else');
    expect(await client.pull(`${repository}:v1`, file)).toMatchObject({ digest });
    expect(await validateDockerTar(file)).toBe(true);
    await rm(folder, { recursive: true });
  },
  TestContext: async () => {
    const mine = isolatedRepository(client, 'parity/isolated');
    const { digest } = await client.push(TAR, `${mine.name}:v1`);
    expect(await mine.cleanUp()).toEqual({ deleted: [digest], left: [] });
    expect(await client.resolve(mine.name, digest)).toBeUndefined();
    expect(isolatedRepository(client, 'parity/isolated').name).not.toBe(mine.name);
  },
};

async function withEnvironment(variables: Record<string, string>, work: () => Promise<void>): Promise<void> {
  const { env } = process;
  process.env = { ...env, ...variables };
  try {
    await work();
  } finally {
    process.env = env;
  }
}

/** How long a client with these options waits for a registry that never answers. */
async function secondsUntilGivenUp(options: RegistryClientOptions): Promise<number> {
  await using silent = await startTestRegistry({ faults: [{ stallAfterBytes: 0, times: Infinity }] });
  const own = new RegistryClient({ ...options, url: silent.url, retry: { retries: 0 } });
  const started = performance.now();
  await expect(own.checkConnectivity()).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  await own.close();
  return (performance.now() - started) / 1000;
}

describe('what the Python library can do', () => {
  it.each(Object.entries(ROWS))('%s', (_, check) => check());

  it('is all in the table of the page about it, and nothing else is', async () => {
    const page = await readFile('docs/migrating-from-python.md', 'utf8');
    const [, table = ''] = /## The table[^]*?\| ---[^\n]*\n([^]*?)\n\n/.exec(page) ?? [];
    const names = table.split('\n').map((row) => /^\| `([\w.]+)/.exec(row)?.[1]);
    expect(names).toEqual(Object.keys(ROWS));
  });
});
