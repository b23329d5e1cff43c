import type { CachedLayer, LayerCache } from './layer-cache.js';

/** What earlier pushes knew, for one that is only planned: nothing is remembered. */
export class ReadingCache implements LayerCache {
  constructor(private readonly cache: Pick<LayerCache, 'get'>) {}

  get(key: string): Promise<CachedLayer | undefined> {
    return this.cache.get(key);
  }

  set(): void {
    // Nothing was pushed.
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }
}
