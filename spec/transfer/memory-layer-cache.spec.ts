import { describe, expect, it } from '@jest/globals';
import { digestOf } from '../../lib/oci/digest.js';
import { MAX_LAYERS } from '../../lib/transfer/layer-cache.js';
import { MemoryLayerCache } from '../../lib/transfer/memory-layer-cache.js';

function layerOf(content: string) {
  return { digest: digestOf(content), size: content.length, repositories: ['registry.test/app'] };
}

describe('MemoryLayerCache', () => {
  it('knows what it was told, the latest of several', async () => {
    const cache = new MemoryLayerCache();
    cache.set('key', layerOf('one'));
    cache.set('key', layerOf('two'));
    expect(await cache.get('key')).toEqual(layerOf('two'));
    expect(await cache.get('other')).toBeUndefined();
  });

  it('keeps nothing anywhere else', async () => {
    const cache = new MemoryLayerCache();
    cache.set('key', layerOf('one'));
    await cache.flush();
    expect(await new MemoryLayerCache().get('key')).toBeUndefined();
    expect(await cache.get('key')).toEqual(layerOf('one'));
  });

  it('forgets what was used longest ago when it is full', async () => {
    const cache = new MemoryLayerCache();
    for (let i = 0; i < MAX_LAYERS; i++) cache.set(`key ${i}`, layerOf(`${i}`));
    cache.set('key 0', layerOf('0'));
    cache.set('one more', layerOf('more'));
    expect(await cache.get('key 1')).toBeUndefined();
    for (const key of ['key 0', 'key 2', 'one more']) expect(await cache.get(key)).toBeDefined();
  });
});
