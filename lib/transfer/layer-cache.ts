/** A packed layer some registry took. */
export interface CachedLayer {
  digest: string;
  /** Bytes. */
  size: number;
  /** `host[:port]/repository` of those that had it last, the latest first. */
  repositories: readonly string[];
}

/**
 * Remembers between pushes what plain layers become when they are packed. It only saves work: what it says is checked with the
 * registry before it counts.
 */
export interface LayerCache {
  /** @param key - how it is packed and the digest of the plain layer, `gzip sha256:…` */
  get(key: string): Promise<CachedLayer | undefined>;
  set(key: string, layer: CachedLayer): void;
  /** Keeps what was set; called at the end of each push. Never rejects. */
  flush(): Promise<void>;
}
