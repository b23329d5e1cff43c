import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidArgumentError, RegistryClient, TarArchive } from '../../lib/index.js';
import { hostPlatform } from '../../lib/transfer/pull.js';
import { text } from '../support/content.js';
import { docker, type ImageLoader, podman } from '../support/image-loaders.js';
import { imageTar } from '../support/image-tar.js';
import type { ImageFormat } from '../support/image-writers.js';
import { integrationRegistry } from '../support/integration-registry.js';
import { uniqueRepository } from '../support/unique.js';

/** All that hold an image; one of them was saved without the blobs of its images. */
const FIXTURES = (await readdir('spec/fixtures')).filter((name) => /^(?!.*missing-blobs).*\.tar$/.test(name));
const FORMATS: ImageFormat[] = ['docker-24', 'docker-25', 'docker-containerd', 'skopeo', 'oci', 'crane', 'nix', 'jib'];

let client: RegistryClient;
let folder: string;
beforeAll(async () => {
  client = new RegistryClient({ url: integrationRegistry().url });
  folder = await mkdtemp(join(tmpdir(), 'round-trips-'));
});
afterAll(async () => {
  await client.close();
  await rm(folder, { recursive: true, force: true });
});

/** Pushes, pulls and pushes back; gives the digest of each step. */
async function roundTrip(
  input: string | Buffer,
  { image, compression = 'gzip', format }: { image: number; compression?: 'gzip' | 'none'; format: 'docker' | 'oci' },
): Promise<string[]> {
  const file = join(folder, `${uniqueRepository('trip').replace('/', '-')}.tar`);
  const pushed = await client.push(input, uniqueRepository('trip'), { compression, image });
  const pulled = await client.pull(`${pushed.repository}:latest`, file, { format });
  const back = await client.push(file, uniqueRepository('back'));
  await rm(file);
  return [pushed.digest, pulled.digest, back.digest];
}

describe.each(['docker', 'oci'] as const)('push, pull as %s, push', (format) => {
  describe.each(['gzip', 'none'] as const)('with %s for plain layers', (compression) => {
    it.each(FIXTURES)('gives the same digest for %s', async (name) => {
      const archive = await TarArchive.open(join('spec/fixtures', name));
      const { length } = archive.images;
      await archive.close();
      expect(length).toBeGreaterThan(0);
      for (let image = 0; image < length; image++) {
        const digests = await roundTrip(join('spec/fixtures', name), { image, compression, format });
        expect(new Set(digests).size).toBe(1);
      }
    });

    it.each(FORMATS)('gives the same digest for what a writer of %s makes', async (writer) => {
      const { tar } = imageTar({ format: writer, layers: [text(100_000, 'a'), text(20_000, 'b')] });
      expect(new Set(await roundTrip(tar, { image: 0, compression, format })).size).toBe(1);
    });
  });
});

function describeLoader(start: () => Promise<ImageLoader>): void {
  let loader: ImageLoader;
  beforeAll(async () => {
    loader = await start();
  }, 60_000);
  afterAll(() => loader?.stop());

  it.each(FIXTURES)('takes what was pulled of %s', async (name) => {
    const { repository } = await client.push(join('spec/fixtures', name), uniqueRepository('load'), { image: 0 });
    const file = join(folder, `load-${name}`);
    await client.pull(repository, file);
    const info = await client.getImageInfo(repository, 'latest');
    const host = hostPlatform();
    const mine = info.platforms.find(({ architecture }) => architecture === host.architecture) ?? info;
    expect(await loader.load(file, `${client.registry}/${repository}:latest`)).toBe(mine.config.digest);
  });

  it('takes one platform of an index', async () => {
    const archive = 'spec/fixtures/skopeo-oci-archive-multi-platform.tar';
    const { repository } = await client.push(archive, uniqueRepository('load'));
    const file = join(folder, 'load-arm64.tar');
    await client.pull(repository, file, { platform: 'linux/arm64' });
    const { config } = await client.getImageInfo(repository, 'latest', { platform: 'linux/arm64' });
    expect(await loader.load(file, `${client.registry}/${repository}:latest`)).toBe(config.digest);
  });
}

describe.each([
  ['podman', podman],
  ['docker', docker],
])('%s load', (_, { missing, start }) => {
  if (missing === undefined) describeLoader(start);
  // Nothing can be loaded here; the name of the spec says why.
  else it(`is not here to be asked: ${missing}`, () => expect(missing).toMatch(/./));
});

describe('a bad reference', () => {
  it.each([
    ['pull', (name: string) => client.pull(name, join(folder, 'bad.tar'))],
    ['copy from', (name: string) => client.copy(name, 'app')],
    ['copy to', (name: string) => client.copy('app', name)],
    ['push', (name: string) => client.push('spec/fixtures/docker-20.10-multi-tag.tar', name)],
    ['getManifest', (name: string) => client.getManifest(name, 'v1')],
    ['getImageInfo', (name: string) => client.getImageInfo(name, 'v1')],
    ['resolve', (name: string) => client.resolve(name, 'v1')],
    ['tag', (name: string) => client.tag(name, 'v1', 'v2')],
    ['deleteTag', (name: string) => client.deleteTag(name, 'v1')],
    ['deleteImage', (name: string) => client.deleteImage(name, 'v1')],
    ['listTags', (name: string) => client.listTags(name).next()],
    ['listReferrers', (name: string) => client.listReferrers(name, 'v1').next()],
    ['mountFrom', (mountFrom: string) => client.push('spec/fixtures/docker-20.10-multi-tag.tar', 'app', { mountFrom })],
  ])('is refused by %s before anything is sent or written', async (_, call) => {
    for (const name of ['', 'UPPER', '../app', 'a//b', 'app?x=1', 'app%2F..']) {
      await expect(call(name)).rejects.toBeInstanceOf(InvalidArgumentError);
    }
    expect(await readdir(folder)).not.toContain('bad.tar');
  });
});
