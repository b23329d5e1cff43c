import { RegistryError } from '../errors.js';

/** What is tried, one after the other, where a whole blob is too much at once. GHCR takes 4 MiB (ocx-sh/ocx#237), nginx by default 1. */
const SMALLER = [4 * 1024 * 1024, 1024 * 1024];

/** In how large chunks a registry is sent blobs; learned from what it, or a proxy in front of it, refuses. */
export class ChunkSize {
  /** The registry takes whole blobs only. */
  private isWholeOnly = false;
  private hasShrunk = false;

  /** @param bytes - undefined: whole blobs, each in one request */
  constructor(private bytes: number | undefined) {}

  get current(): number | undefined {
    return this.bytes;
  }

  /** Something of `used` bytes was too large. @returns whether there is another way to try */
  shrink(used: number | undefined): boolean {
    const next = SMALLER.find((size) => size < (this.bytes ?? Infinity));
    const isSmaller = (this.bytes ?? Infinity) < (used ?? Infinity);
    if (isSmaller || this.isWholeOnly || next === undefined) return isSmaller;
    this.bytes = next;
    return (this.hasShrunk = true);
  }

  /** The registry drops chunks, or cannot say which it has. @returns whether there is another way to try */
  dropped(): boolean {
    if (this.hasShrunk) return false;
    this.isWholeOnly = true;
    this.bytes = undefined;
    return true;
  }
}

/**
 * Whether a content goes in one request, and not in chunks.
 * @param size - undefined while nobody knows
 * @param chunk - bytes; undefined: no chunks are wanted
 */
export function goesWhole(size: number | undefined, chunk: number | undefined): boolean {
  return chunk === undefined || (size ?? Infinity) <= chunk;
}

/** GHCR says 416 to a chunk that is too large; and some proxies take nothing of unknown length. */
const OTHERS = { chunk: 416, whole: 411 };

/** Whether less at a time, which has a length, may help. */
export function isTooLarge(error: unknown, isChunk: boolean): boolean {
  if (!(error instanceof RegistryError)) return false;
  return error.status === 413 || error.status === OTHERS[isChunk ? 'chunk' : 'whole'];
}
