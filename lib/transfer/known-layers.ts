import { readDiffIds } from '../oci/image-config.js';
import type { Descriptor } from '../oci/descriptor.js';
import { isDigest } from '../oci/digest.js';
import { MediaType } from '../oci/media-types.js';
import { isRepository, isTag } from '../oci/reference.js';
import type { Packing } from '../compression/sniff.js';
import type { Content } from './layer-content.js';
import { type CachedLayer, type LayerCache, MAX_REPOSITORIES } from './layer-cache.js';
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

/** A push of an archive that says at its end what is in it. */
export interface PassingJob extends Pick<KnownLayersJob, 'registry' | 'layersFrom' | 'mountFrom' | 'cache' | 'signal'> {
  target: PushName;
  /** How layers are packed. */
  packing: Packing;
}

/** Where an image goes. */
export type PushName = Pick<PushTarget, 'repository' | 'tag'>;

/** A packed layer that may be in a repository of the registry. */
export interface LinkableLayer {
  descriptor: Descriptor;
  from: string;
}

/** Tags of earlier pushes that are looked at first. */
const LAST_TAGS = 2;

/**
 * What is known of the contents of a push without reading them: from the repositories they go to, from the one to mount from,
 * and from earlier pushes. So a push from a machine that knows nothing reads and sends only what changed.
 */
export class KnownLayers {
  private constructor(
    private readonly job: Pick<KnownLayersJob, 'registry' | 'cache'> & { targets: readonly PushName[] },
    private readonly surveys: ReadonlyMap<string, Survey>,
  ) {}

  /**
   * Asks every repository at the same time, once the first one has answered.
   * @throws RegistryError when the registry is out of reach or does not let us in; the reason of the job's signal
   */
  static async gather(services: SurveyServices, job: KnownLayersJob): Promise<KnownLayers> {
    return new KnownLayers(job, await survey(services, await surveyJobs(job)));
  }

  /** The same before it is known what is pushed. @throws like {@link gather} */
  static async gatherFor(services: SurveyServices, job: PassingJob): Promise<KnownLayers> {
    const { target, mountFrom, layersFrom, packing, signal } = job;
    const { repository, tag } = target;
    const base = { tags: [tag], lastTags: [], moreTags: ['latest', ...layersFrom], wanted: undefined, packing, signal };
    const common = { ...base, named: new Set<string>(), configs: new Map<string, readonly string[]>() };
    const jobs: SurveyJob[] = [{ ...common, repository, forPush: true }];
    if (mountFrom !== undefined && mountFrom !== repository)
      jobs.push({ ...common, repository: mountFrom, forPush: false });
    return new KnownLayers({ ...job, targets: [target] }, await survey(services, jobs));
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
    const cached = await this.job.cache.get(key);
    const names = cached ? this.repositoriesOf(cached) : [];
    const from = repositories.find((name) => names.includes(name)) ?? names[0];
    if (cached === undefined || from === undefined) return undefined;
    return { descriptor: { mediaType: MediaType.octetStream, digest: cached.digest, size: cached.size }, from };
  }

  /** Requests that asking the same once more may do without, and those it may need besides. */
  get chance(): Survey['chance'] {
    const all = [...this.surveys.values()].map(({ chance }) => chance);
    const sum = (count: (one: Survey['chance']) => number): number => all.reduce((total, one) => total + count(one), 0);
    return { fewer: sum(({ fewer }) => fewer), more: sum(({ more }) => more) };
  }

  /** Digest of what a tag points to; undefined when it is not there, or was not looked at. */
  tagged({ repository, tag }: PushName): string | undefined {
    return this.surveys.get(repository)?.tagged.get(tag);
  }

  /** Whether a tag points to a manifest already. */
  isTagged(name: PushName, digest: string): boolean {
    return this.tagged(name) === digest;
  }

  /** Keeps for later pushes what a layer has become. */
  async remember({ key, compresses }: Content, { digest, size }: Descriptor, repository: string): Promise<void> {
    if (!compresses) return;
    const { registry, targets, cache } = this.job;
    const name = `${registry}/${repository}`;
    const tag = targets.find((target) => target.repository === repository)?.tag;
    const known = await cache.get(key);
    const others = known?.digest === digest ? known.repositories.filter((other) => other !== name) : [];
    const repositories = [name, ...others].slice(0, MAX_REPOSITORIES);
    cache.set(key, { digest, size, repositories, ...(tag === undefined ? {} : { tag }) });
  }

  private repositoriesOf({ repositories }: CachedLayer): string[] {
    const prefix = `${this.job.registry}/`;
    const names = repositories.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
    return names.filter(isRepository);
  }
}

/** Asks every repository at the same time, once the first one has answered. */
async function survey(services: SurveyServices, jobs: readonly SurveyJob[]): Promise<Map<string, Survey>> {
  const surveys = new Map(jobs.map((job) => [job.repository, new RepositorySurvey(services, job)]));
  const [first] = surveys.values();
  await first?.begin();
  await Promise.all([...surveys.values()].map((one) => one.finish()));
  return surveys;
}

/** One per repository the push has to do with. */
async function surveyJobs(job: KnownLayersJob): Promise<SurveyJob[]> {
  const { targets, blobs, layersFrom, mountFrom, signal } = job;
  const compressed = blobs.map(({ content }) => content).filter(({ compresses }) => compresses);
  const wanted = new Set(compressed.map(({ diffId }) => diffId as string));
  // A config that is new is nowhere, and one that is not is found with its layers.
  const layers = blobs.map(({ content }) => content).filter(({ position }) => position >= 0);
  const named = new Set(layers.map(({ key }) => key).filter(isDigest));
  const base = { moreTags: ['latest', ...layersFrom], wanted, named, configs: configsOf(targets), signal };
  const common = { ...base, packing: compressed[0]?.packing ?? 'none' };
  const lastTags = await lastTagsOf(compressed, job);
  const tags = new Map<string, string[]>();
  for (const { repository, tag } of targets) tags.set(repository, [...(tags.get(repository) ?? []), tag]);
  const jobs = [...tags].map(([repository, names]) => ({
    ...{ ...common, repository, tags: names, forPush: true },
    lastTags: lastTags(repository),
  }));
  if (mountFrom === undefined || tags.has(mountFrom) || wanted.size === 0) return jobs;
  const all = [...new Set([...tags.values()].flat())];
  const source = { repository: mountFrom, tags: all, lastTags: lastTags(mountFrom), named: new Set<string>() };
  return [...jobs, { ...common, ...source, forPush: false }];
}

/** Tags under which the layers went into a repository last; those of the upper layers tell most. */
async function lastTagsOf(
  compressed: readonly Content[],
  { cache, registry }: Pick<KnownLayersJob, 'cache' | 'registry'>,
): Promise<(repository: string) => string[]> {
  const layers = await Promise.all(compressed.map(({ key }) => cache.get(key)));
  return (repository) => {
    const name = `${registry}/${repository}`;
    const tags = layers.flatMap((layer) => (layer?.repositories[0] === name ? [layer.tag ?? ''] : []));
    return [...new Set(tags.reverse())].filter(isTag).slice(0, LAST_TAGS);
  };
}

function configsOf(targets: readonly PushTarget[]): ReadonlyMap<string, readonly string[]> {
  const configs = targets.flatMap(({ image }) => image.manifests.map(({ config }) => config));
  return new Map(configs.map(({ digest, json }) => [digest, readDiffIds(json) ?? []]));
}
