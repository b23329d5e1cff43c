import type { RepositoryService } from '../services/repository-service.js';
import type { CallOptions } from '../services/requests.js';
import type { ImageInfo } from './image-info.js';
import { mapConcurrently } from './map-concurrently.js';

/** One tag of one repository, with what is behind it or why that cannot be told. */
export type ListedImage = { repository: string; tag: string } & ({ info: ImageInfo } | { error: Error });

export interface CatalogJob extends CallOptions {
  concurrency: number;
  info: (repository: string, tag: string) => Promise<ImageInfo>;
}

/**
 * All tags of all repositories, in the order their answers arrive. A tag that cannot be read is an element with an `error`,
 * because one broken image must not hide the others.
 */
export async function* listImages(repositories: RepositoryService, job: CatalogJob): AsyncGenerator<ListedImage> {
  const { concurrency, signal, timeout } = job;
  const options = { signal, timeout };
  const tagsOf = async (repository: string): Promise<{ repository: string; tag: string }[]> => {
    const tags: { repository: string; tag: string }[] = [];
    for await (const tag of repositories.listTags(repository, options)) tags.push({ repository, tag });
    return tags;
  };
  const read = async ({ repository, tag }: { repository: string; tag: string }): Promise<ListedImage> => {
    try {
      return { repository, tag, info: await job.info(repository, tag) };
    } catch (error) {
      signal?.throwIfAborted();
      return { repository, tag, error: error as Error };
    }
  };
  const tags = mapConcurrently(repositories.listRepositories(options), concurrency, tagsOf);
  yield* mapConcurrently(flattened(tags), concurrency, read);
}

async function* flattened<T>(lists: AsyncIterable<readonly T[]>): AsyncGenerator<T> {
  for await (const list of lists) yield* list;
}
