import { describe, expect, it } from '@jest/globals';
import type { ArchiveImage } from '../../lib/archive/archive-image.js';
import { inspectImage } from '../../lib/archive/inspection.js';
import type { JsonObject } from '../../lib/oci/descriptor.js';
import { digestOf } from '../../lib/oci/digest.js';

function imageWith(json: unknown, layers: unknown[] = []): ArchiveImage {
  const bytes = Buffer.from(JSON.stringify(json));
  const config = {
    entry: 'config.json',
    digest: digestOf(bytes),
    bytes,
    json: JSON.parse(String(bytes)) as JsonObject,
  };
  return { tags: ['app:1'], manifests: [{ config, layers }], indexes: [], omitted: [] } as unknown as ArchiveImage;
}

describe('inspectImage', () => {
  it('tells what the config says', () => {
    const json = {
      architecture: 'arm64',
      os: 'linux',
      variant: 'v8',
      created: '2024-02-29T12:34:56.789Z',
      config: {
        Labels: { 'org.example': '레이블' },
        Env: ['PATH=/bin', 'GREETING=안녕'],
        Entrypoint: ['/app', '--serve'],
        Cmd: ['--help'],
        User: '1000:1000',
        WorkingDir: '/srv',
        ExposedPorts: { '80/tcp': {}, '53/udp': {} },
      },
    };
    const [inspected, ...others] = inspectImage(imageWith(json));
    expect(others).toEqual([]);
    expect(inspected).toEqual({
      tags: ['app:1'],
      architecture: 'arm64',
      os: 'linux',
      variant: 'v8',
      created: '2024-02-29T12:34:56.789Z',
      size: 0,
      layers: [],
      config: {
        digest: digestOf(JSON.stringify(json)),
        size: Buffer.byteLength(JSON.stringify(json)),
        labels: { 'org.example': '레이블' },
        env: ['PATH=/bin', 'GREETING=안녕'],
        entrypoint: ['/app', '--serve'],
        cmd: ['--help'],
        user: '1000:1000',
        workingDir: '/srv',
        exposedPorts: ['80/tcp', '53/udp'],
      },
    });
  });

  it('lists layers as they are stored, and adds them up', () => {
    const layers = [
      { entry: 'a.tar', size: 10, packing: 'none', diffId: digestOf('a'), position: 5, open: () => undefined },
      { entry: 'b.tar.gz', size: 20, packing: 'gzip', position: 50, open: () => undefined },
      { entry: 'c', foreign: { mediaType: 'x/y', digest: digestOf('c'), size: 300, urls: ['https://example.com'] } },
    ];
    const [inspected] = inspectImage(imageWith({}, layers));
    expect(inspected?.size).toBe(330);
    expect(inspected?.layers).toEqual([
      { entry: 'a.tar', size: 10, packing: 'none', diffId: digestOf('a') },
      { entry: 'b.tar.gz', size: 20, packing: 'gzip' },
      { entry: 'c', size: 300, packing: 'none' },
    ]);
  });

  it.each([
    {},
    { config: null },
    { config: [] },
    { config: { Labels: null, Env: null, Entrypoint: null, Cmd: null, User: '', WorkingDir: '', ExposedPorts: null } },
    {
      config: { Labels: ['a'], Env: 'a=b', Entrypoint: 'sh', Cmd: {}, User: 7, ExposedPorts: ['80'] },
      os: 1,
      created: {},
    },
  ])('makes do with %j', (json) => {
    const [inspected] = inspectImage(imageWith(json));
    expect(inspected).toMatchObject({ architecture: undefined, os: undefined, variant: undefined, created: undefined });
    expect(inspected?.config).toMatchObject({
      labels: {},
      env: [],
      entrypoint: [],
      cmd: [],
      user: undefined,
      workingDir: undefined,
      exposedPorts: [],
    });
  });

  it('drops labels and lines that are not text, and keeps a key called __proto__ as data', () => {
    const json = JSON.parse('{"config":{"Labels":{"a":"b","c":1,"__proto__":"x"},"Env":["a=b",null,1]}}') as object;
    const [inspected] = inspectImage(imageWith(json));
    expect(Object.entries(inspected!.config.labels)).toEqual([['a', 'b'], ['__proto__', 'x']]); // prettier-ignore
    expect(Object.getPrototypeOf(inspected!.config.labels)).toBe(Object.prototype);
    expect(inspected?.config.env).toEqual(['a=b']);
  });

  it('gives one element for each platform', () => {
    const image = imageWith({ os: 'linux' });
    const two = { ...image, manifests: [...image.manifests, ...imageWith({ os: 'windows' }).manifests] };
    expect(inspectImage(two).map(({ os, tags }) => [os, tags])).toEqual([
      ['linux', ['app:1']],
      ['windows', ['app:1']],
    ]);
  });
});
