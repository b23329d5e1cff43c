import { buffer } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { digestOf, InvalidArgumentError, RegistryClient, TarArchive } from '../../lib/index.js';
import { EmbeddedTransport } from '../../lib/testing/index.js';
import { imageTar, type ImageTarOptions } from '../../lib/testing/image-tar.js';
import { readWithNodeTar } from '../support/node-tar-reader.js';

const FORMATS = ['docker', 'docker-legacy', 'oci'] as const;
const HELLO = { 'etc/motd': 'hello' };

async function push(options?: ImageTarOptions) {
  const client = new RegistryClient({ url: 'http://registry.test', transport: new EmbeddedTransport() });
  return { client, pushed: await client.push(imageTar(options), 'team/app:1.0') };
}

async function namesIn(tar: Buffer): Promise<string[]> {
  return (await readWithNodeTar(tar)).map(({ path }) => path);
}

describe('imageTar', () => {
  it('makes an image that can be pushed, without being told anything', async () => {
    const { client } = await push();
    const info = await client.getImageInfo('team/app', '1.0');
    expect(info).toMatchObject({ os: 'linux', architecture: 'amd64', layers: [expect.anything()] });
  });

  it.each(FORMATS)('makes an archive without problems: %s', async (format) => {
    const layers = [HELLO, { 'bin/app': Buffer.from([1, 2, 3]), 'bin/empty': '' }, gzipSync('a packed layer')];
    await using archive = await TarArchive.open(imageTar({ layers, format, tags: ['app:1', 'team/app:2'] }));
    expect(await archive.validate()).toMatchObject({ valid: true, problems: [] });
    expect(archive.originalTags.map((tag) => tag.replace('docker.io/library/', ''))).toEqual(['app:1', 'team/app:2']);
    expect(archive.images).toHaveLength(1);
  });

  it.each(FORMATS)('writes what other readers of tars understand: %s', async (format) => {
    const names = await namesIn(imageTar({ format }));
    expect(names.includes('manifest.json')).toBe(format !== 'oci');
    expect(names.includes('index.json')).toBe(format !== 'docker-legacy');
    expect(names.some((name) => name.endsWith('/layer.tar'))).toBe(format === 'docker-legacy');
  });

  it.each(FORMATS)('puts the files into the layers: %s', async (format) => {
    const { client } = await push({ format, layers: [HELLO, { 'a/b': 'two' }] });
    const { manifest } = await client.getManifest('team/app', '1.0');
    const [, second] = 'layers' in manifest ? manifest.layers : [];
    const layer = await buffer(await client.blobs.fetch('team/app', second!));
    const tar = layer[0] === 0x1f ? gunzipSync(layer) : layer;
    expect((await readWithNodeTar(tar)).map(({ path, content }) => [path, content.toString()])).toEqual([
      ['a/b', 'two'],
    ]);
  });

  it('keeps a packed layer byte for byte', async () => {
    const packed = gzipSync('anything');
    const { client } = await push({ format: 'oci', layers: [packed] });
    const { manifest } = await client.getManifest('team/app', '1.0');
    expect('layers' in manifest ? manifest.layers : []).toEqual([
      { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: digestOf(packed), size: packed.length },
    ]);
  });

  it.each(['docker', 'docker-legacy'] as const)(
    'is packed on its way like what docker save wrote: %s',
    async (format) => {
      const { pushed } = await push({ format });
      expect(pushed.mediaType).toBe('application/vnd.docker.distribution.manifest.v2+json');
    },
  );

  it('keeps the manifest of an image with a packed layer, which docker has from a registry', async () => {
    const { pushed } = await push({ format: 'docker', layers: [HELLO, gzipSync('anything')] });
    expect(pushed.mediaType).toBe('application/vnd.oci.image.manifest.v1+json');
  });

  it('is the same for the same options, and another for other layers', () => {
    expect(imageTar({ layers: [HELLO] }).equals(imageTar({ layers: [HELLO] }))).toBe(true);
    expect(imageTar({ layers: [HELLO] }).equals(imageTar({ layers: [{ 'etc/motd': 'bye' }] }))).toBe(false);
  });

  it.each(['docker', 'oci'] as const)('makes an index of several platforms: %s', async (format) => {
    const { client, pushed } = await push({ format, platforms: ['linux/amd64', 'linux/arm64/v8'] });
    expect(pushed.mediaType).toBe('application/vnd.oci.image.index.v1+json');
    const { manifest } = await client.getManifest('team/app', '1.0');
    expect('manifests' in manifest ? manifest.manifests.map(({ platform }) => platform) : []).toEqual([
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm64', variant: 'v8' },
    ]);
  });

  it('can be packed whole', async () => {
    const packed = imageTar({ gzip: true });
    expect(packed.subarray(0, 2)).toEqual(Buffer.from([0x1f, 0x8b]));
    await using archive = await TarArchive.open(packed);
    expect(archive.originalTags).toEqual(['app:latest']);
  });

  it.each(FORMATS)('may have no name, and no layer: %s', async (format) => {
    await using archive = await TarArchive.open(imageTar({ format, tags: [], layers: [] }));
    expect([archive.originalTags, (await archive.validate()).problems]).toEqual([[], []]);
  });

  it('adds latest where a tag is missing', async () => {
    await using archive = await TarArchive.open(imageTar({ tags: ['localhost:5000/app'] }));
    expect(archive.originalTags).toEqual(['localhost:5000/app:latest']);
  });

  it.each<[string, unknown, RegExp]>([
    ['a format that is none', { format: 'zip' }, /there is no format "zip"/],
    ['a legacy index', { format: 'docker-legacy', platforms: ['linux/amd64', 'linux/arm64'] }, /one platform only/],
    ['no platform', { platforms: [] }, /needs a platform/],
    ['a platform that is none', { platforms: ['linux'] }, /is not a platform/],
    ['a tag that is none', { tags: ['App'] }, /repository name/],
    ['a file without a name', { layers: [{ '': 'x' }] }, /the file "" of a layer/],
    ['a file without a content', { layers: [{ a: 5 }] }, /the file "a" of a layer/],
    ['gzip that is none', { layers: [Buffer.from([0x1f, 0x8b, 0])] }, /cannot be unpacked/],
  ])('refuses %s', (_, options, message) => {
    const make = () => imageTar(options as ImageTarOptions);
    expect(make).toThrow(InvalidArgumentError);
    expect(make).toThrow(message);
  });
});
