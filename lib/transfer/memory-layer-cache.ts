import { type CachedLayer, keepLayer, type LayerCache } from './layer-cache.js';

/** As long as the client lives. */
export class MemoryLayerCache implements LayerCache {
  private readonly layers = new Map<string, CachedLayer>();

  get(key: string): Promise<CachedLayer | undefined> {
    return Promise.resolve(this.layers.get(key));
  }

  set(key: string, layer: CachedLayer): void {
    keepLayer(this.layers, key, layer);
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }
}
