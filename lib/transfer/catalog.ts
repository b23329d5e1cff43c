import { NotFoundError } from '../errors.js';
import type { RepositoryService } from '../services/repository-service.js';
import type { CallOptions } from '../services/requests.js';
import type { ImageInfo } from './image-info.js';
import { mapConcurrently } from './map-concurrently.js';

/** One tag of one repository with what is behind it, or why that, or without a tag why its tags, cannot be told. */
export type ListedImage =
  /** A tag, and its image. */
  | {
      /** For example `team/app`, without the registry. */
      repository: string;
      /** One of its tags. */
      tag: string;
      /** As {@link RegistryClient.getImageInfo} has it. */
      info: ImageInfo;
    }
  /** What cannot be told. */
  | {
      /** For example `team/app`, without the registry. */
      repository: string;
      /** Absent when the tags of the repository could not be listed. */
      tag?: string;
      /** Why not; the listing goes on. */
      error: Error;
    };

export interface CatalogJob extends CallOptions {
  concurrency: number;
  info: (repository: string, tag: string) => Promise<ImageInfo>;
}

type FoundTag = { repository: string; tag: string } | { repository: string; error: Error };

/**
 * All tags of all repositories, in the order their answers arrive. What cannot be read is an element with an `error`,
 * because one broken image must not hide the others.
 */
export async function* listImages(repositories: RepositoryService, job: CatalogJob): AsyncGenerator<ListedImage> {
  const { concurrency, signal, timeout } = job;
  const options = { signal, timeout };
  const tagsOf = async (repository: string): Promise<FoundTag[]> => {
    const tags: FoundTag[] = [];
    try {
      for await (const tag of repositories.listTags(repository, options)) tags.push({ repository, tag });
    } catch (error) {
      signal?.throwIfAborted();
      // Catalogs name repositories that have no tag, or are gone by now.
      if (!(error instanceof NotFoundError)) tags.push({ repository, error: error as Error });
    }
    return tags;
  };
  const read = async (found: FoundTag): Promise<ListedImage> => {
    if ('error' in found) return found;
    try {
      return { ...found, info: await job.info(found.repository, found.tag) };
    } catch (error) {
      signal?.throwIfAborted();
      return { ...found, error: error as Error };
    }
  };
  const tags = mapConcurrently(repositories.listRepositories(options), concurrency, tagsOf);
  yield* mapConcurrently(flattened(tags), concurrency, read);
}

async function* flattened<T>(lists: AsyncIterable<readonly T[]>): AsyncGenerator<T> {
  for await (const list of lists) yield* list;
}
