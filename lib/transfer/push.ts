import type { ArchiveImage } from '../archive/archive-image.js';
import type { Compressor } from '../compression/compressor.js';
import { compressionParallelism } from '../compression/parallelism.js';
import { RegistryError } from '../errors.js';
import { type Descriptor, isJsonObject } from '../oci/descriptor.js';
import { isDigest } from '../oci/digest.js';
import type { RawManifest } from '../oci/manifest.js';
import { formatReference } from '../oci/reference.js';
import { printable } from '../redact.js';
import { type BlobOutlet, BlobPusher } from './blob-pusher.js';
import { KnownLayers, type KnownLayersJob } from './known-layers.js';
import type { LayerCache } from './layer-cache.js';
import { createLimit, type Limit, TransferSlots } from './limiter.js';
import { type PlannedBlob, planWork, type PushWork, type PushTarget } from './plan.js';
import type { OnProgress } from './progress.js';
import { type BuiltImage, type PushedImage, pushResults } from './push-results.js';
import type { SurveyServices } from './repository-survey.js';
import type { SentLayers } from './sent-layers.js';
import { TogetherOrNone } from './together-or-none.js';

export type { PushedImage } from './push-results.js';

export interface PushJob {
  /** `host[:port]` for the references in results. */
  registry: string;
  targets: readonly PushTarget[];
  /** Absent: plain layers are pushed plain. */
  compressor: Compressor | undefined;
  /** A repository that may have some of the blobs. */
  mountFrom?: string | undefined;
  /** Layers that went to the one repository of `targets` while their archive passed. */
  sent?: SentLayers | undefined;
  /** Tags that may have some of the layers, besides those to be pushed and `latest`. */
  layersFrom: readonly string[];
  /** What is known already of the layers in the registry. */
  known?: KnownLayers | undefined;
  /** What earlier pushes knew of layers. Absent: everything is read, and asked for. */
  cache: LayerCache | undefined;
  /** Blobs that the registry does not have, whatever it says when it is asked for them. Default: none. */
  missing?: ReadonlySet<string>;
  concurrency: number;
  /** Whether more small blobs and fewer large ones may go at once, as suits the registry's distance. Default `false`. */
  isAdaptive?: boolean;
  /** Whether the registry has asked to slow down lately. */
  isThrottled?: () => boolean;
  /** False for archives that are best read one content after another. */
  randomAccess: boolean;
  /** Whether contents that claim to equal one that was sent are read to make sure. Default `true`. */
  verifies?: boolean;
  signal: AbortSignal | undefined;
  onProgress: OnProgress;
}

/**
 * Puts images of an archive into a registry. Should a blob be gone that a manifest of the registry names, all is done once
 * more, and nothing believed.
 * @returns one element per target, in their order
 * @throws InvalidArgumentError for a concurrency that cannot be; RegistryError, or what the archive fails with
 */
export async function pushImages(services: SurveyServices, job: PushJob): Promise<PushedImage[]> {
  try {
    return await pushOnce(services, job);
  } catch (error) {
    if (!job.cache || !(error instanceof RegistryError) || !BLOB_GONE.has(error.code)) throw error;
    job.signal?.throwIfAborted();
    job.onProgress({ state: 'warning', message: `all blobs are looked for anew, because ${error.message}` });
    return pushOnce(services, { ...job, cache: undefined, known: undefined, missing: blobsNamedBy(error) });
  }
}

async function pushOnce(services: SurveyServices, job: PushJob): Promise<PushedImage[]> {
  const { images, blobs } = await new Push(services, job).run();
  return pushResults(images, blobs, job.registry);
}

/** Where manifests go. */
export type ManifestOutlet = Pick<SurveyServices['manifests'], 'push'>;

/** Where everything goes that is pushed: into the registry, or nowhere while a push is only planned. */
export interface PushOutlets {
  blobs: BlobOutlet;
  manifests: ManifestOutlet;
}

/** What a push has done. */
export interface PushDone {
  work: PushWork;
  /** One per target, in their order. */
  images: readonly BuiltImage[];
  blobs: BlobPusher;
  known: KnownLayers | undefined;
}

/** Round trips that asking what is known takes: a connection, the tag, and what else there is. */
const SURVEY_TRIPS = 3;
/** Milliseconds of a round trip for which another small blob at once is worth its connection. */
const SHORT = 2;
/** Milliseconds of a round trip to a registry on the same machine, or in the next rack. */
const NEAR = 5;
/** Under the 30 connections per host, so that no request has to wait for one. */
const MOST_SMALL = 28;
/** Small blobs at once while the registry asks to slow down. */
const THROTTLED = 2;

/** What a registry says to a manifest with a blob it does not have. Source: distribution-spec v1.1, "Error Codes". */
const BLOB_GONE = new Set(['MANIFEST_BLOB_UNKNOWN', 'BLOB_UNKNOWN']);

/**
 * Puts images of an archive into a registry: every content once and many at a time, manifests only when everything they
 * name is stored, tags last of all. The first failure ends all, and is the one reported.
 */
export class Push {
  private readonly together: TogetherOrNone;
  private readonly limit: Limit;
  private known: KnownLayers | undefined;
  /** Milliseconds, roughly. */
  private roundTrip = 0;
  /** Manifests stored under their digests, by repository. */
  private readonly stored = new Set<string>();

  /**
   * @param outlets - where what is pushed goes, when that is not where everything is looked up
   * @throws InvalidArgumentError for a concurrency that cannot be
   */
  constructor(
    private readonly services: SurveyServices,
    private readonly job: PushJob,
    private readonly outlets: PushOutlets = services,
  ) {
    this.together = new TogetherOrNone(job.signal);
    this.limit = createLimit(job.concurrency);
    this.known = job.known;
  }

  async run(): Promise<PushDone> {
    const { cache, targets, compressor } = this.job;
    const { signal } = this.together;
    const work = planWork(targets, compressor);
    this.announce(work);
    if (cache && !this.known)
      await this.together.run([() => this.learn({ ...this.job, blobs: work.blobs, cache, signal })]);
    const { known } = this;
    const blobs = new BlobPusher(this.outlets.blobs, { ...this.job, known, signal });
    try {
      await this.pushBlobs(work.blobs, blobs);
      const images = this.builtImages(work, blobs.descriptors());
      for (const image of images) await this.pushChildren(image);
      await this.together.run(images.map((image) => () => this.limit(() => this.pushTag(image))));
      return { work, images, blobs, known };
    } finally {
      await cache?.flush();
    }
  }

  private async learn(job: KnownLayersJob): Promise<void> {
    const began = performance.now();
    this.known = await KnownLayers.gather(this.services, job);
    this.roundTrip = (performance.now() - began) / SURVEY_TRIPS;
  }

  private announce({ blobs, manifests }: PushWork): void {
    const { onProgress } = this.job;
    const omitted = [...manifests.keys()].flatMap((image) => image.omitted).map((what) => printable(what, 300));
    if (omitted.length > 0) {
      onProgress({ state: 'warning', message: `not in the archive, and not pushed: ${omitted.join(', ')}` });
    }
    const bytes = blobs.reduce((sum, { content }) => sum + content.size, 0);
    onProgress({ state: 'planned', blobs: blobs.length, bytes });
  }

  private async pushBlobs(planned: readonly PlannedBlob[], pusher: BlobPusher): Promise<void> {
    const { randomAccess, concurrency, isAdaptive } = this.job;
    // A number that the caller gave holds for all blobs together.
    const small = randomAccess && isAdaptive ? (): number => this.smallSlots() : undefined;
    const slots = new TransferSlots({
      ...{ concurrency: randomAccess ? concurrency : 1, large: this.largeSlots(), small },
      compressors: compressionParallelism(),
    });
    const blobs = [...planned].sort(randomAccess ? largestFirst : inArchiveOrder);
    await this.together.run(blobs.map((blob) => () => slots.run(blob.content, () => pusher.push(blob))));
  }

  /** Small blobs take round trips and little else: the longer those take, the more of them at once. */
  private smallSlots(): number {
    const { concurrency, isThrottled } = this.job;
    if (isThrottled?.()) return Math.min(THROTTLED, concurrency);
    return Math.max(concurrency, Math.min(MOST_SMALL, Math.round(this.roundTrip / SHORT)));
  }

  /** A registry next door has no more to give than a few streams take: more only contend for its disk and our cores. */
  private largeSlots(): number {
    const { concurrency, isAdaptive } = this.job;
    return isAdaptive && this.roundTrip < NEAR ? compressionParallelism() : concurrency - 1;
  }

  /** The manifests of every target; those we write ourselves can be written now that every blob has a digest. */
  private builtImages({ manifests }: PushWork, digests: ReadonlyMap<string, Descriptor>): BuiltImage[] {
    const built = new Map<ArchiveImage, Omit<BuiltImage, 'target'>>();
    for (const [image, planned] of manifests) {
      const singles = planned.map((manifest) => manifest.build(digests));
      const keys = new Set(planned.flatMap(({ contents }) => contents.map(({ key }) => key)));
      const root = (image.indexes.at(-1) ?? singles[0]) as RawManifest;
      built.set(image, { singles, keys, root });
    }
    return this.job.targets.map((target) => ({ target, ...(built.get(target.image) as Omit<BuiltImage, 'target'>) }));
  }

  /** Everything below an index, by digest and innermost first. */
  private async pushChildren(built: BuiltImage): Promise<void> {
    const { singles, target } = built;
    const { image, repository } = target;
    if (image.indexes.length === 0 || this.isTagged(built)) return;
    await this.together.run(singles.map((raw) => () => this.limit(() => this.pushChild(repository, raw))));
    for (const raw of image.indexes.slice(0, -1)) await this.pushChild(repository, raw);
  }

  private async pushChild(repository: string, raw: RawManifest): Promise<void> {
    const { digest } = raw.descriptor;
    const name = `${repository}@${digest}`;
    if (this.stored.has(name)) return;
    this.stored.add(name);
    await this.pushManifest(repository, digest, raw);
  }

  private async pushTag(built: BuiltImage): Promise<void> {
    const { repository, tag } = built.target;
    const { digest } = built.root.descriptor;
    if (!this.isTagged(built)) await this.pushManifest(repository, tag, built.root);
    const reference = formatReference({ registry: this.job.registry, repository, tag });
    this.job.onProgress({ state: 'tagged', reference, digest });
  }

  private isTagged({ target, root }: BuiltImage): boolean {
    return this.known?.isTagged(target, root.descriptor.digest) ?? false;
  }

  private async pushManifest(repository: string, reference: string, raw: RawManifest): Promise<void> {
    const { signal } = this.together;
    signal.throwIfAborted();
    await this.outlets.manifests.push(repository, reference, raw, { signal });
  }
}

/** Source: distribution `registry/handlers/manifests.go`: the digest stands in `detail`, by itself or as a field. */
function blobsNamedBy({ errors }: RegistryError): ReadonlySet<string> {
  const named = errors.map(({ detail }) => (isJsonObject(detail) ? detail.digest : detail));
  return new Set(named.filter(isDigest));
}

function largestFirst(a: PlannedBlob, b: PlannedBlob): number {
  return b.content.size - a.content.size;
}

function inArchiveOrder(a: PlannedBlob, b: PlannedBlob): number {
  return a.content.position - b.content.position;
}
