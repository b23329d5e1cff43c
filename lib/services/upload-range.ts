import { MAX_CHUNK } from '../whole-number.js';
import type { Head } from './response.js';

/**
 * How many bytes of an upload the registry says to have. `0-0` may mean none or one (distribution-spec#577), so it says nothing;
 * nor does what does not begin at the start. Some write `bytes=` in front, as docker's old documentation had it.
 */
export function storedBytes({ headers }: Pick<Head, 'headers'>): number | undefined {
  const last = Number(/^(?:bytes=)?0-(\d{1,15})$/.exec(headers.range ?? '')?.[1] ?? 0);
  return last > 0 ? last + 1 : undefined;
}

/** Bytes that every chunk but the last has to have, as far as that can be met. Source: distribution-spec v1.1, "Pushing a blob in chunks". */
export function minimalChunk({ headers }: Pick<Head, 'headers'>): number {
  const text = headers['oci-chunk-min-length'] ?? '';
  return /^\d{1,15}$/.test(text) ? Math.min(Number(text), MAX_CHUNK) : 0;
}
