import { AuthenticationError, RegistryError } from '../errors.js';
import type { BlobService, PushedBlob } from './blob-service.js';

/** How a blob may come into a repository, whether that is done or only planned. `U` is an upload that has begun. */
export interface WaysIn<U> {
  /** Whether it is there. */
  isThere(): Promise<boolean>;
  /** With the request that starts an upload. @returns undefined when that has stored it */
  post(): Promise<U | undefined>;
  /** @returns undefined when it is linked */
  mount(from: string): Promise<U | undefined>;
  start(): Promise<U>;
}

/** What the way depends on. */
export interface ArrivalJob {
  repository: string;
  mountFrom: string | undefined;
  /** Whether nobody asks if it is there. */
  isNew: boolean;
  /** Whether it may go with the request that starts an upload. */
  isSmall: boolean;
}

/**
 * Decides by which way a blob comes into a repository, the cheapest first, and goes it.
 * @returns what has become of it, or the upload it needs
 */
export async function arrive<U>(ways: WaysIn<U>, job: ArrivalJob): Promise<PushedBlob['outcome'] | U> {
  const { repository, mountFrom, isNew, isSmall } = job;
  if (!isNew && (await ways.isThere())) return 'exists';
  if (isNew && isSmall) return (await ways.post()) ?? 'uploaded';
  if (mountFrom === undefined || mountFrom === repository) return ways.start();
  return (await ways.mount(mountFrom)) ?? 'mounted';
}

/** Where a push asks for a blob. */
export interface WantedBlob {
  repository: string;
  digest: string;
  mountFrom?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** Asking saves an upload, no more: who may push but not read is told so by 403 (go-containerregistry does the same). */
export async function mayExist(blobs: Pick<BlobService, 'exists'>, blob: WantedBlob): Promise<boolean> {
  const { repository, digest, mountFrom, signal } = blob;
  try {
    return await blobs.exists(repository, digest, { signal, forPush: true, mountFrom });
  } catch (error) {
    // Who may not read where a mount would come from can still upload.
    if (error instanceof AuthenticationError && mountFrom !== undefined)
      return mayExist(blobs, { repository, digest, signal });
    if (error instanceof RegistryError && error.status === 403) return false;
    throw error;
  }
}
