import { readDiffIds } from '../oci/image-config.js';
import type { Descriptor } from '../oci/descriptor.js';
import { isDigest } from '../oci/digest.js';
import { MediaType } from '../oci/media-types.js';
import { isRepository } from '../oci/reference.js';
import type { Content } from './layer-content.js';
import type { CachedLayer, LayerCache } from './layer-cache.js';
import type { PlannedBlob, PushTarget } from './plan.js';
import { RepositorySurvey, type Survey, type SurveyJob, type SurveyServices } from './repository-survey.js';

export interface KnownLayersJob {
  /** `host[:port]`, under which the cache knows this registry. */
  registry: string;
  targets: readonly PushTarget[];
  blobs: readonly PlannedBlob[];
  /** Tags that may have some of the layers, besides those to be pushed and `latest`. */
  layersFrom: readonly string[];
  mountFrom?: string | undefined;
  cache: LayerCache;
  signal: AbortSignal;
}

/** A packed layer that may be in a repository of the registry. */
export interface LinkableLayer {
  descriptor: Descriptor;
  from: string;
}

/** Repositories a layer is remembered in. */
const REMEMBERED = 8;

/**
 * What is known of the contents of a push without reading them: from the repositories they go to, from the one to mount from,
 * and from earlier pushes. So a push from a machine that knows nothing reads and sends only what changed.
 */
export class KnownLayers {
  private constructor(
    private readonly registry: string,
    private readonly surveys: ReadonlyMap<string, Survey>,
    private readonly cache: LayerCache,
  ) {}

  /**
   * Asks every repository at the same time, once the first one has answered.
   * @throws RegistryError when the registry is out of reach or does not let us in; the reason of the job's signal
   */
  static async gather(services: SurveyServices, job: KnownLayersJob): Promise<KnownLayers> {
    const jobs = surveyJobs(job);
    const surveys = new Map(jobs.map((survey) => [survey.repository, new RepositorySurvey(services, survey)]));
    const [first] = surveys.values();
    await first?.begin();
    await Promise.all([...surveys.values()].map((survey) => survey.finish()));
    return new KnownLayers(job.registry, surveys, job.cache);
  }

  /** Whether a manifest in the repository names the blob. */
  holds(repository: string, digest: string): boolean {
    return this.surveys.get(repository)?.held.has(digest) ?? false;
  }

  /**
   * What a layer is when it is packed, and a repository that has it, or had it when it was seen last.
   * @param repositories - those it is needed in, which are better than others
   */
  async find(
    { key, diffId, compresses }: Content,
    repositories: readonly string[],
  ): Promise<LinkableLayer | undefined> {
    if (!compresses || diffId === undefined) return undefined;
    for (const from of [...repositories, ...this.surveys.keys()]) {
      const descriptor = this.surveys.get(from)?.layers.get(diffId);
      if (descriptor) return { descriptor, from };
    }
    const cached = await this.cache.get(key);
    const names = cached ? this.repositoriesOf(cached) : [];
    const from = repositories.find((name) => names.includes(name)) ?? names[0];
    if (cached === undefined || from === undefined) return undefined;
    return { descriptor: { mediaType: MediaType.octetStream, digest: cached.digest, size: cached.size }, from };
  }

  /** Whether a tag points to a manifest already. */
  isTagged({ repository, tag }: PushTarget, digest: string): boolean {
    return this.surveys.get(repository)?.tagged.get(tag) === digest;
  }

  /** Keeps for later pushes what a layer has become. */
  async remember({ key, compresses }: Content, { digest, size }: Descriptor, repository: string): Promise<void> {
    if (!compresses) return;
    const name = `${this.registry}/${repository}`;
    const known = await this.cache.get(key);
    const others = known?.digest === digest ? known.repositories.filter((other) => other !== name) : [];
    this.cache.set(key, { digest, size, repositories: [name, ...others].slice(0, REMEMBERED) });
  }

  private repositoriesOf({ repositories }: CachedLayer): string[] {
    const prefix = `${this.registry}/`;
    const names = repositories.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
    return names.filter(isRepository);
  }
}

/** One per repository the push has to do with. */
function surveyJobs({ targets, blobs, layersFrom, mountFrom, signal }: KnownLayersJob): SurveyJob[] {
  const compressed = blobs.map(({ content }) => content).filter(({ compresses }) => compresses);
  const wanted = new Set(compressed.map(({ diffId }) => diffId as string));
  const packing = compressed[0]?.packing ?? 'none';
  const named = new Set(blobs.map(({ content }) => content.key).filter(isDigest));
  const configs = configsOf(targets);
  const base = { moreTags: ['latest', ...layersFrom], wanted, named, configs, packing, signal };
  const tags = new Map<string, string[]>();
  for (const { repository, tag } of targets) tags.set(repository, [...(tags.get(repository) ?? []), tag]);
  const jobs = [...tags].map(([repository, names]) => ({ ...base, repository, tags: names, forPush: true }));
  if (mountFrom === undefined || tags.has(mountFrom) || wanted.size === 0) return jobs;
  const none = new Set<string>();
  return [
    ...jobs,
    { ...base, named: none, repository: mountFrom, tags: [...new Set([...tags.values()].flat())], forPush: false },
  ];
}

function configsOf(targets: readonly PushTarget[]): ReadonlyMap<string, readonly string[]> {
  const configs = targets.flatMap(({ image }) => image.manifests.map(({ config }) => config));
  return new Map(configs.map(({ digest, json }) => [digest, readDiffIds(json) ?? []]));
}
