import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '../../lib/oci/digest.js';
import { defaultFile, DiskLayerCache } from '../../lib/transfer/disk-layer-cache.js';
import { type CachedLayer, MAX_LAYERS } from '../../lib/transfer/layer-cache.js';

function layerOf(content: string, ...repositories: string[]): CachedLayer {
  return { digest: digestOf(content), size: content.length, repositories };
}

const LAYER = layerOf('layer', 'registry.test/app');

describe('DiskLayerCache', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'layer-cache-spec-'));
    file = join(folder, 'below', 'layers.json');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function keep(layers: Record<string, CachedLayer>): Promise<DiskLayerCache> {
    const cache = new DiskLayerCache(file);
    for (const [key, layer] of Object.entries(layers)) cache.set(key, layer);
    await cache.flush();
    return cache;
  }

  const kept = (key: string) => new DiskLayerCache(file).get(key);

  async function write(content: string | object): Promise<void> {
    await mkdir(join(folder, 'below'), { recursive: true });
    await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  }

  it('tells the next one what it was told', async () => {
    await keep({ one: LAYER, two: layerOf('two', 'registry.test/a', 'other.test/b') });
    expect(await kept('one')).toEqual(LAYER);
    expect(await kept('two')).toEqual(layerOf('two', 'registry.test/a', 'other.test/b'));
    expect(await kept('three')).toBeUndefined();
  });

  it('knows before it is written down', async () => {
    const cache = new DiskLayerCache(file);
    cache.set('one', LAYER);
    expect(await cache.get('one')).toEqual(LAYER);
    expect(await readdir(folder)).toEqual([]);
  });

  it('reads and writes nothing when there is nothing to say', async () => {
    await new DiskLayerCache(file).flush();
    expect(await readdir(folder)).toEqual([]);
    const cache = await keep({ one: LAYER });
    await rm(file);
    await cache.flush();
    await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('is for its user alone, in a folder that it makes', async () => {
    await keep({ one: LAYER });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'below'))).mode & 0o777).toBe(0o700);
  });

  it('leaves nothing but its one file', async () => {
    const cache = await keep({ one: LAYER });
    cache.set('two', LAYER);
    await cache.flush();
    expect(await readdir(join(folder, 'below'))).toEqual(['layers.json']);
  });

  describe('with others that write', () => {
    it('keeps what they wrote meanwhile', async () => {
      const cache = new DiskLayerCache(file);
      expect(await cache.get('theirs')).toBeUndefined();
      await keep({ theirs: LAYER });
      cache.set('ours', LAYER);
      await cache.flush();
      expect([await kept('theirs'), await kept('ours')]).toEqual([LAYER, LAYER]);
    });

    it('lets the later one say what a layer is', async () => {
      const cache = await keep({ one: layerOf('first') });
      await keep({ one: layerOf('second') });
      expect(await kept('one')).toEqual(layerOf('second'));
      cache.set('one', layerOf('third'));
      await cache.flush();
      expect(await kept('one')).toEqual(layerOf('third'));
    });

    it('keeps everything of pushes that end at the same time', async () => {
      const cache = new DiskLayerCache(file);
      const pushes = Array.from({ length: 12 }, async (_, i) => {
        await new Promise((resolve) => setTimeout(resolve, i % 4));
        cache.set(`push ${i}`, LAYER);
        await cache.flush();
      });
      await Promise.all(pushes);
      for (let i = 0; i < 12; i++) expect(await kept(`push ${i}`)).toEqual(LAYER);
    });

    it('is whole at every moment, and says again what another one wrote over', async () => {
      const caches = Array.from({ length: 8 }, () => new DiskLayerCache(file));
      const writing = caches.map(async (cache, i) => {
        for (let round = 0; round < 5; round++) {
          cache.set(`from ${i}`, layerOf(`${round}`, 'registry.test/app'));
          await cache.flush();
          const { layers } = JSON.parse(await readFile(file, 'utf8')) as { layers: object };
          expect(Object.keys(layers).length).toBeGreaterThan(0);
        }
      });
      await Promise.all(writing);
      for (const [i, cache] of caches.entries()) {
        cache.set('last', LAYER);
        await cache.flush();
        expect(await kept(`from ${i}`)).toEqual(layerOf('4', 'registry.test/app'));
      }
      expect(await readdir(join(folder, 'below'))).toEqual(['layers.json']);
    });

    it('is whole also when they are other processes', async () => {
      const script = `
        const { renameSync, writeFileSync } = require('node:fs');
        const layers = { theirs: ${JSON.stringify(LAYER)} };
        for (let i = 0; i < 200; i++) {
          writeFileSync(process.argv[1] + '.other', JSON.stringify({ format: 1, layers }));
          renameSync(process.argv[1] + '.other', process.argv[1]);
        }`;
      const cache = await keep({ ours: LAYER });
      execFileSync(process.execPath, ['-e', script, file]);
      cache.set('later', LAYER);
      await cache.flush();
      for (const key of ['theirs', 'ours', 'later']) expect(await kept(key)).toEqual(LAYER);
    });
  });

  describe('with a file that is no good', () => {
    it.each([
      ['empty', ''],
      ['garbage', '\u0000\u0001 garbage'],
      ['a list', []],
      ['null', 'null'],
      ['of another format', { format: 2, layers: { one: LAYER } }],
      ['without layers', { format: 1 }],
      ['with layers that are a list', { format: 1, layers: [LAYER] }],
    ])('knows nothing from one that is %s, and writes a good one', async (_, content) => {
      await write(content);
      expect(await kept('one')).toBeUndefined();
      await keep({ two: LAYER });
      expect(await kept('two')).toEqual(LAYER);
    });

    it('knows nothing from half of one', async () => {
      await keep({ one: LAYER, two: LAYER });
      await truncate(file, Math.floor((await stat(file)).size / 2));
      expect(await kept('one')).toBeUndefined();
      await keep({ three: LAYER });
      expect([await kept('one'), await kept('three')]).toEqual([undefined, LAYER]);
    });

    it.each([
      ['no object', 'layer'],
      ['no digest', { ...LAYER, digest: 'sha256:../../x' }],
      ['no size', { ...LAYER, size: '5' }],
      ['a size below nothing', { ...LAYER, size: -1 }],
      ['half a byte', { ...LAYER, size: 0.5 }],
      ['no repositories', { ...LAYER, repositories: 'app' }],
      ['repositories that are no names', { ...LAYER, repositories: [1] }],
      ['more repositories than are ever written', { ...LAYER, repositories: Array(9).fill('registry.test/app') }],
    ])('takes the good layers, and not one with %s', async (_, bad) => {
      await write({ format: 1, layers: { bad, good: LAYER } });
      expect([await kept('bad'), await kept('good')]).toEqual([undefined, LAYER]);
    });

    it('is not confused by names that objects have anyway', async () => {
      await write(`{"format":1,"layers":{"__proto__":${JSON.stringify(LAYER)},"constructor":1}}`);
      expect(await kept('toString')).toBeUndefined();
      expect(await kept('constructor')).toBeUndefined();
      await keep({ other: LAYER });
      expect(await kept('__proto__')).toEqual(LAYER);
    });

    it('does not read one that is too large', async () => {
      await write({ format: 1, layers: { one: LAYER }, more: 'x'.repeat(16 * 1024 * 1024) });
      expect(await kept('one')).toBeUndefined();
    });

    it('does not wait for a pipe', async () => {
      await mkdir(join(folder, 'below'));
      execFileSync('mkfifo', [file]);
      expect(await kept('one')).toBeUndefined();
      await keep({ two: LAYER });
      expect(await kept('two')).toEqual(LAYER);
    });
  });

  describe('where nothing can be written', () => {
    it.each([
      ['a folder in place of the file', () => mkdir(file, { recursive: true })],
      ['a file in place of the folder', () => writeFile(join(folder, 'below'), '')],
      ['a path that cannot be', () => Promise.resolve((file = join(folder, 'a\u0000b', 'layers.json')))],
    ])('does as if it had, for its own life: %s', async (_, prepare) => {
      await prepare();
      const cache = await keep({ one: LAYER });
      cache.set('two', LAYER);
      await cache.flush();
      expect([await cache.get('one'), await cache.get('two')]).toEqual([LAYER, LAYER]);
      expect(await kept('one')).toBeUndefined();
    });
  });

  describe('when it is full', () => {
    it('forgets what was used longest ago', async () => {
      const many = Array.from({ length: MAX_LAYERS }, (_, i) => [`key ${i}`, LAYER] as const);
      await keep(Object.fromEntries(many));
      await keep({ 'key 0': LAYER, 'one more': LAYER });
      const { layers } = JSON.parse(await readFile(file, 'utf8')) as { layers: object };
      expect(Object.keys(layers)).toHaveLength(MAX_LAYERS);
      expect(await kept('key 1')).toBeUndefined();
      for (const key of ['key 0', 'key 2', 'one more']) expect(await kept(key)).toEqual(LAYER);
    });

    it('shrinks a file that holds too many', async () => {
      const many = Array.from({ length: MAX_LAYERS + 10 }, (_, i) => [`key ${i}`, LAYER] as const);
      await write({ format: 1, layers: Object.fromEntries(many) });
      await keep({ 'one more': LAYER });
      const { layers } = JSON.parse(await readFile(file, 'utf8')) as { layers: object };
      expect(Object.keys(layers)).toHaveLength(MAX_LAYERS);
      expect(Object.keys(layers).at(-1)).toBe('one more');
    });

    it('is no larger than it will read, however long the names are', async () => {
      const name = `registry.test/${'a'.repeat(255)}`;
      const repositories = Array.from({ length: 8 }, (_, i) => `${name}${i}`);
      const layer = { ...LAYER, repositories };
      await keep(
        Object.fromEntries(Array.from({ length: MAX_LAYERS }, (_, i) => [`${digestOf(`${i}`)} as gzip`, layer])),
      );
      expect(await kept(`${digestOf('0')} as gzip`)).toEqual(layer);
    });
  });

  describe('its place', () => {
    it('is in the cache folder of the user', () => {
      const env = { XDG_CACHE_HOME: '/var/cache/me' };
      expect(defaultFile(env)).toBe(join('/var/cache/me', 'registry-api-v2-client', 'layers.json'));
    });

    it.each([[undefined], [''], ['relative/cache'], ['./cache']])('is below the home where that is %p', (folder) => {
      const expected = join(homedir(), '.cache', 'registry-api-v2-client', 'layers.json');
      expect(defaultFile({ XDG_CACHE_HOME: folder })).toBe(expected);
    });

    it('is nowhere for a user without a home', () => {
      const homeless = () => {
        throw Object.assign(new Error('uv_os_homedir returned ENOENT'), { code: 'ERR_SYSTEM_ERROR' });
      };
      expect(defaultFile({}, homeless)).toBeUndefined();
      expect(defaultFile({ XDG_CACHE_HOME: '/var/cache/me' }, homeless)).toContain('/var/cache/me');
    });

    it('is that of the environment', async () => {
      const before = process.env.XDG_CACHE_HOME;
      process.env.XDG_CACHE_HOME = folder;
      const cache = new DiskLayerCache();
      process.env.XDG_CACHE_HOME = before;
      cache.set('one', LAYER);
      await cache.flush();
      expect(await readdir(folder)).toEqual(['registry-api-v2-client']);
    });
  });
});
