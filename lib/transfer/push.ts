import type { ArchiveImage } from '../archive/archive-image.js';
import type { Compressor } from '../compression/compressor.js';
import { compressionParallelism } from '../compression/parallelism.js';
import type { RawManifest } from '../oci/manifest.js';
import { formatReference } from '../oci/reference.js';
import { printable } from '../redact.js';
import type { BlobService } from '../services/blob-service.js';
import type { ManifestService } from '../services/manifest-service.js';
import { BlobPusher } from './blob-pusher.js';
import { createLimit, type Limit, TransferSlots } from './limiter.js';
import { type PlannedBlob, planPush, type PushPlan, type PushTarget } from './plan.js';
import type { OnProgress } from './progress.js';
import { type BuiltImage, type PushedImage, pushResults } from './push-results.js';
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
  concurrency: number;
  /** False for archives that are best read one content after another. */
  randomAccess: boolean;
  signal: AbortSignal | undefined;
  onProgress: OnProgress;
}

/**
 * Puts images of an archive into a registry: every content once and many at a time, manifests only when everything they
 * name is stored, tags last of all. The first failure ends all, and is the one reported.
 */
export class Push {
  private readonly together: TogetherOrNone;
  private readonly limit: Limit;
  private readonly blobs: BlobPusher;
  /** Manifests stored under their digests, by repository. */
  private readonly stored = new Set<string>();

  /** @throws InvalidArgumentError for a concurrency that cannot be */
  constructor(
    blobs: BlobService,
    private readonly manifests: ManifestService,
    private readonly job: PushJob,
  ) {
    this.together = new TogetherOrNone(job.signal);
    this.limit = createLimit(job.concurrency);
    this.blobs = new BlobPusher(blobs, { ...job, signal: this.together.signal });
  }

  /** One element per target, in their order. */
  async run(): Promise<PushedImage[]> {
    const plan = planPush(this.job.targets, this.job.compressor);
    this.announce(plan);
    await this.pushBlobs(plan.blobs);
    const images = this.builtImages(plan);
    for (const image of images) await this.pushChildren(image);
    await this.together.run(images.map((image) => () => this.limit(() => this.pushTag(image))));
    return pushResults(images, this.blobs, this.job.registry);
  }

  private announce({ blobs, manifests }: PushPlan): void {
    const { onProgress } = this.job;
    const omitted = [...manifests.keys()].flatMap((image) => image.omitted).map((what) => printable(what, 300));
    if (omitted.length > 0) {
      onProgress({ state: 'warning', message: `not in the archive, and not pushed: ${omitted.join(', ')}` });
    }
    const bytes = blobs.reduce((sum, { content }) => sum + content.size, 0);
    onProgress({ state: 'planned', blobs: blobs.length, bytes });
  }

  private async pushBlobs(planned: readonly PlannedBlob[]): Promise<void> {
    const { randomAccess, concurrency } = this.job;
    const slots = new TransferSlots(randomAccess ? concurrency : 1, compressionParallelism());
    const blobs = [...planned].sort(randomAccess ? largestFirst : inArchiveOrder);
    await this.together.run(blobs.map((blob) => () => slots.run(blob.content, () => this.blobs.push(blob))));
  }

  /** The manifests of every target; those we write ourselves can be written now that every blob has a digest. */
  private builtImages({ manifests }: PushPlan): BuiltImage[] {
    const digests = this.blobs.descriptors();
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
  private async pushChildren({ target: { image, repository }, singles }: BuiltImage): Promise<void> {
    if (image.indexes.length === 0) return;
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

  private async pushTag({ target: { repository, tag }, root }: BuiltImage): Promise<void> {
    await this.pushManifest(repository, tag, root);
    const reference = formatReference({ registry: this.job.registry, repository, tag });
    this.job.onProgress({ state: 'tagged', reference, digest: root.descriptor.digest });
  }

  private async pushManifest(repository: string, reference: string, raw: RawManifest): Promise<void> {
    const { signal } = this.together;
    signal.throwIfAborted();
    await this.manifests.push(repository, reference, raw, { signal });
  }
}

function largestFirst(a: PlannedBlob, b: PlannedBlob): number {
  return b.content.size - a.content.size;
}

function inArchiveOrder(a: PlannedBlob, b: PlannedBlob): number {
  return a.content.position - b.content.position;
}
