import type { Compressor } from '../compression/compressor.js';
import { compressionParallelism } from '../compression/parallelism.js';
import type { Descriptor } from '../oci/descriptor.js';
import { formatReference } from '../oci/reference.js';
import { isIndex, type RawManifest } from '../oci/manifest.js';
import type {
  BlobContent,
  BlobPushOptions,
  BlobService,
  PushedBlob,
  StreamedContent,
} from '../services/blob-service.js';
import type { ManifestService } from '../services/manifest-service.js';
import { createLimit, type Limit, TransferSlots } from './limiter.js';
import { type PlannedBlob, type PlannedImage, planPush, type PushTarget } from './plan.js';
import type { OnProgress } from './progress.js';
import { TogetherOrNone } from './together-or-none.js';

/** One tag that points to its image now. */
export interface PushedImage {
  /** `host[:port]/repository:tag`. */
  reference: string;
  repository: string;
  tag: string;
  /** Of the manifest or index behind the tag. */
  digest: string;
  mediaType: string;
  /** Bytes of everything behind the tag, as stored in the registry. */
  size: number;
  /** What became of its blobs: sent, linked from another repository, or there already. A second tag of the same image counts them as `skipped`. */
  blobs: { uploaded: number; mounted: number; skipped: number };
  /** For this tag. */
  bytesSent: number;
  /** What the archive lists but does not hold, and which was therefore not pushed, for example `linux/arm64 sha256:…`. */
  omitted: readonly string[];
}

export interface PushJob {
  /** `host[:port]` for the references in results. */
  registry: string;
  targets: readonly PushTarget[];
  /** Absent: plain layers are pushed plain. */
  compressor: Compressor | undefined;
  concurrency: number;
  /** False for archives that are best read one content after another. */
  randomAccess: boolean;
  signal: AbortSignal | undefined;
  onProgress: OnProgress;
}

/** What happened to a blob, by repository. */
type Outcomes = ReadonlyMap<string, PushedBlob>;

/**
 * Puts images of an archive into a registry: every content once and many at a time, manifests only when everything they
 * name is stored. The first failure ends all, and is the one reported.
 */
export class Push {
  private readonly together: TogetherOrNone;
  private readonly done = new Map<string, Outcomes>();

  constructor(
    private readonly blobs: BlobService,
    private readonly manifests: ManifestService,
    private readonly job: PushJob,
  ) {
    this.together = new TogetherOrNone(job.signal);
  }

  async run(): Promise<PushedImage[]> {
    const { targets, compressor, concurrency, onProgress } = this.job;
    const plan = planPush(targets, compressor);
    for (const { image } of targets) this.warnOfOmissions(image.omitted);
    const bytes = plan.blobs.reduce((sum, { content }) => sum + content.size, 0);
    onProgress({ state: 'planned', blobs: plan.blobs.length, bytes });
    await this.pushBlobs(plan.blobs);
    const limit = createLimit(concurrency);
    const pushed: PushedImage[] = [];
    for (const image of plan.images) pushed.push(...(await this.pushManifests(image, limit)));
    return pushed;
  }

  private async pushBlobs(planned: readonly PlannedBlob[]): Promise<void> {
    const { randomAccess, concurrency } = this.job;
    const slots = new TransferSlots(randomAccess ? concurrency : 1, compressionParallelism());
    const order = randomAccess ? largestFirst : inArchiveOrder;
    const blobs = [...planned].sort(order);
    await this.together.run(blobs.map((blob) => () => slots.run(blob.content, () => this.pushBlob(blob))));
  }

  private async pushBlob({ content, repositories }: PlannedBlob): Promise<void> {
    const { signal } = this.together;
    signal.throwIfAborted();
    const { onProgress } = this.job;
    const blob = { entry: content.entry, size: content.size };
    const [counts, report] = counting((read, sent) => onProgress({ state: 'progress', blob, read, sent }));
    onProgress({ state: 'started', blob });
    const onSent = (bytes: number): void => {
      if (bytes < 0) {
        counts.read = 0;
        onProgress({ state: 'retry', blob });
      }
      report(0, bytes);
    };
    let prepared = await content.prepare((bytes) => report(bytes, 0), signal);
    const outcomes = new Map<string, PushedBlob>();
    for (const repository of repositories) {
      const mountFrom = outcomes.size > 0 ? repositories[0] : undefined;
      const pushed = await this.send(repository, prepared, { signal, onSent, mountFrom });
      outcomes.set(repository, pushed);
      prepared = withDescriptor(prepared, pushed.descriptor);
      onProgress({ state: pushed.outcome, blob, repository, descriptor: pushed.descriptor });
    }
    this.done.set(content.key, outcomes);
  }

  private send(
    repository: string,
    content: BlobContent | StreamedContent,
    options: BlobPushOptions,
  ): Promise<PushedBlob> {
    if ('descriptor' in content) return this.blobs.push(repository, content, options);
    return this.blobs.pushStream(repository, content, options);
  }

  /** Children by digest, innermost first; then the root straight to every tag. */
  private async pushManifests(image: PlannedImage, limit: Limit): Promise<PushedImage[]> {
    const { repository, tags } = image;
    const { signal } = this.together;
    const digests = new Map([...this.done].map(([key, outcomes]) => [key, descriptorOf(outcomes)]));
    const singles = image.manifests.map((manifest) => manifest.build(digests));
    const indexes = image.image.indexes;
    const root = (indexes.at(-1) ?? singles[0]) as RawManifest;
    if (indexes.length > 0) {
      await this.together.run(
        singles.map(
          (raw) => () => limit(() => this.manifests.push(repository, raw.descriptor.digest, raw, { signal })),
        ),
      );
    }
    for (const raw of indexes.slice(0, -1))
      await this.manifests.push(repository, raw.descriptor.digest, raw, { signal });
    await this.together.run(tags.map((tag) => () => limit(() => this.pushTag(repository, tag, root))));
    const size = totalSize([...singles, ...indexes]);
    return tags.map((tag, i) => this.result(image, tag, root, size, i === 0));
  }

  private async pushTag(repository: string, tag: string, root: RawManifest): Promise<void> {
    await this.manifests.push(repository, tag, root, { signal: this.together.signal });
    this.job.onProgress({
      state: 'tagged',
      reference: this.reference(repository, tag),
      digest: root.descriptor.digest,
    });
  }

  private result(image: PlannedImage, tag: string, root: RawManifest, size: number, isFirst: boolean): PushedImage {
    const { repository } = image;
    const keys = new Set(image.manifests.flatMap((manifest) => manifest.keys));
    const outcomes = [...keys].map((key) => this.done.get(key)?.get(repository) as PushedBlob);
    const count = (outcome: PushedBlob['outcome']): number =>
      outcomes.filter((blob) => blob.outcome === outcome).length;
    return {
      reference: this.reference(repository, tag),
      repository,
      tag,
      digest: root.descriptor.digest,
      mediaType: root.descriptor.mediaType,
      size,
      blobs: isFirst
        ? { uploaded: count('uploaded'), mounted: count('mounted'), skipped: count('exists') }
        : { uploaded: 0, mounted: 0, skipped: outcomes.length },
      bytesSent: isFirst ? outcomes.reduce((sum, blob) => sum + blob.bytesSent, 0) : 0,
      omitted: image.image.omitted,
    };
  }

  private reference(repository: string, tag: string): string {
    return formatReference({ registry: this.job.registry, repository, tag });
  }

  private warnOfOmissions(omitted: readonly string[]): void {
    if (omitted.length === 0) return;
    this.job.onProgress({ state: 'warning', message: `not in the archive, and not pushed: ${omitted.join(', ')}` });
  }
}

function largestFirst(a: PlannedBlob, b: PlannedBlob): number {
  return b.content.size - a.content.size;
}

function inArchiveOrder(a: PlannedBlob, b: PlannedBlob): number {
  return a.content.position - b.content.position;
}

/** Once sent, a streamed content has a name, under which other repositories can link it. */
function withDescriptor(content: BlobContent | StreamedContent, descriptor: Descriptor): BlobContent {
  return { descriptor, open: () => content.open() };
}

function descriptorOf(outcomes: Outcomes): Descriptor {
  return ([...outcomes.values()][0] as PushedBlob).descriptor;
}

/** Bytes of the manifests and of everything they name, each digest once. */
function totalSize(manifests: readonly RawManifest[]): number {
  const sizes = new Map<string, number>();
  for (const { descriptor, manifest } of manifests) {
    sizes.set(descriptor.digest, descriptor.size);
    const named = isIndex(manifest) ? [] : [manifest.config, ...manifest.layers];
    for (const { digest, size } of named) sizes.set(digest, size);
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

function counting(
  tell: (read: number, sent: number) => void,
): [{ read: number; sent: number }, (read: number, sent: number) => void] {
  const counts = { read: 0, sent: 0 };
  const add = (read: number, sent: number): void => {
    counts.read += read;
    counts.sent += sent;
    tell(counts.read, counts.sent);
  };
  return [counts, add];
}
