/** A packed layer some registry took. */
export interface CachedLayer {
  digest: string;
  /** Bytes. */
  size: number;
  /** `host[:port]/repository` of those that had it last, the latest first. */
  repositories: readonly string[];
  /** Of an image with it in the first of these. */
  tag?: string;
}

/** Repositories a layer is remembered in. */
export const MAX_REPOSITORIES = 8;

/** Layers a cache holds, which are about 2 MB on disk. What was used longest ago goes first. */
export const MAX_LAYERS = 5000;

/**
 * Remembers between pushes what plain layers become when they are packed. It only saves work: what it says is checked with the
 * registry before it counts.
 */
export interface LayerCache {
  /** @param key - the digest of the plain layer and how it is packed, for example `sha256:… as gzip` */
  get(key: string): Promise<CachedLayer | undefined>;
  set(key: string, layer: CachedLayer): void;
  /** Keeps what was set; called at the end of each push. Never rejects. */
  flush(): Promise<void>;
}

/** Puts a layer last, as the one used latest. */
export function keepLayer(layers: Map<string, CachedLayer>, key: string, layer: CachedLayer): void {
  layers.delete(key);
  layers.set(key, layer);
  for (const oldest of layers.keys()) {
    if (layers.size <= MAX_LAYERS) return;
    layers.delete(oldest);
  }
}
