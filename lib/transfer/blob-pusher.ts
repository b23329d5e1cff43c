import type { Readable } from 'node:stream';
import { TarReadError, ValidationError } from '../errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import type {
  BlobContent,
  BlobPushOptions,
  BlobService,
  PushedBlob,
  StreamedContent,
} from '../services/blob-service.js';
import { BlobProgress } from './blob-progress.js';
import type { KnownLayers } from './known-layers.js';
import { type Content, SMALL_BLOB } from './layer-content.js';
import type { PlannedBlob } from './plan.js';
import type { OnProgress } from './progress.js';
import type { SentLayers } from './sent-layers.js';

/** Where blobs go: into a registry, or nowhere while a push is only planned. */
export type BlobOutlet = Pick<BlobService, 'push' | 'pushStream' | 'link' | 'fetch'>;

export interface BlobPusherJob {
  /** A repository that may have some of the blobs. */
  mountFrom?: string | undefined;
  /** What has been sent to the one repository of the job before it began. */
  sent?: Pick<SentLayers, 'find'> | undefined;
  /** Blobs that are sent without asking for them: the registry would say that they are there. */
  missing?: ReadonlySet<string> | undefined;
  /** What need not be sent, or asked for. Absent: nothing is known. */
  known?: Pick<KnownLayers, 'find' | 'holds' | 'remember'> | undefined;
  /** Whether contents that claim to equal one that was sent are read to make sure. Default `true`. */
  verifies?: boolean | undefined;
  signal: AbortSignal;
  onProgress: OnProgress;
}

/** A content that is in one repository, and how it gets from there into others. */
interface Stored {
  isSent: boolean;
  pushed: PushedBlob;
  content: BlobContent;
}

/** Pushes contents into every repository that needs them: sent to the first, linked into the others. */
export class BlobPusher {
  /** By key and repository. */
  private readonly done = new Map<string, ReadonlyMap<string, PushedBlob>>();
  /** By repository and digest: contents with different keys may turn out to be equal. */
  private readonly named = new Map<string, Promise<PushedBlob>>();

  constructor(
    private readonly blobs: BlobOutlet,
    private readonly job: BlobPusherJob,
  ) {}

  async push({ content, repositories, twins = [] }: PlannedBlob): Promise<void> {
    this.job.signal.throwIfAborted();
    const outcomes = await this.pushEverywhere(content, repositories);
    const isRead = [...outcomes.values()].some(({ outcome }) => outcome === 'uploaded');
    for (const twin of isRead && (this.job.verifies ?? true) ? twins : []) await this.verify(twin);
    this.done.set(content.key, outcomes);
    for (const [repository, { descriptor }] of outcomes)
      await this.job.known?.remember(content, descriptor, repository);
  }

  /** What the blobs behind the keys of a plan are called in the registry. */
  descriptors(): ReadonlyMap<string, Descriptor> {
    const descriptorOf = ([pushed]: PushedBlob[]): Descriptor => (pushed as PushedBlob).descriptor;
    return new Map([...this.done].map(([key, outcomes]) => [key, descriptorOf([...outcomes.values()])]));
  }

  /** What became of the blobs behind some keys in a repository, each blob once. */
  outcomes(keys: Iterable<string>, repository: string): PushedBlob[] {
    const pushed = [...keys].map((key) => this.done.get(key)?.get(repository) as PushedBlob);
    return [...new Map(pushed.map((blob) => [blob.descriptor.digest, blob])).values()];
  }

  /** One of several that claim to be the same was sent: the others are not looked at otherwise. */
  private async verify(twin: Content): Promise<void> {
    if (!this.job.sent?.find(twin)) await twin.verify?.(this.job.signal);
  }

  private async pushEverywhere(content: Content, repositories: readonly string[]): Promise<Map<string, PushedBlob>> {
    const sent = this.job.sent?.find(content);
    if (sent) return new Map(repositories.map((repository) => [repository, sent]));
    const blob = { entry: content.entry, size: content.size };
    const progress = new BlobProgress(blob, this.job.onProgress);
    const outcomes = new Map<string, PushedBlob>();
    const add = (repository: string, { isSent, pushed }: Omit<Stored, 'content'>): void => {
      const { outcome, descriptor } = pushed;
      outcomes.set(repository, pushed);
      this.job.onProgress({ state: isSent ? outcome : 'exists', blob, repository, descriptor });
    };
    const [first, ...others] = repositories as [string, ...string[]];
    const stored = (await this.link(content, repositories)) ?? (await this.pushFirst(content, first, progress));
    add(first, stored);
    for (const repository of others) {
      progress.keep();
      add(repository, await this.pushOnce(repository, stored.content, progress, first));
    }
    return outcomes;
  }

  /** Into the first repository without reading it, if it is known what it will be. */
  private async link(content: Content, repositories: readonly string[]): Promise<Stored | undefined> {
    const known = await this.job.known?.find(content, repositories);
    if (!known) return undefined;
    const [repository] = repositories as [string];
    const { descriptor, from } = known;
    const { signal } = this.job;
    const pushed = this.job.known?.holds(repository, descriptor.digest)
      ? alreadyThere(descriptor)
      : await this.blobs.link(repository, descriptor, { signal, mountFrom: from });
    if (!pushed) return undefined;
    // Packed anew it might be another blob.
    const open = (): Promise<Readable> => this.blobs.fetch(repository, descriptor, { signal });
    return { isSent: true, pushed, content: { descriptor, open } };
  }

  private async pushFirst(content: Content, repository: string, progress: BlobProgress): Promise<Stored> {
    const prepared = await content.prepare((bytes) => progress.addRead(bytes), this.job.signal);
    progress.keep();
    const done = await this.pushOnce(repository, prepared, progress, this.job.mountFrom);
    return { ...done, content: { descriptor: done.pushed.descriptor, open: () => prepared.open() } };
  }

  /** Waits for whoever is pushing the same blob to the same repository already. */
  private async pushOnce(
    repository: string,
    content: BlobContent | StreamedContent,
    progress: BlobProgress,
    mountFrom: string | undefined,
  ): Promise<Omit<Stored, 'content'>> {
    if (!('descriptor' in content)) {
      return { isSent: true, pushed: await this.send(repository, content, progress, mountFrom) };
    }
    const { descriptor } = content;
    if (this.job.known?.holds(repository, descriptor.digest)) return { isSent: true, pushed: alreadyThere(descriptor) };
    const name = `${repository}@${descriptor.digest}`;
    const other = this.named.get(name);
    if (other) return { isSent: false, pushed: await other };
    const sending = this.send(repository, content, progress, mountFrom);
    this.named.set(name, sending);
    return { isSent: true, pushed: await sending };
  }

  private async send(
    repository: string,
    content: BlobContent | StreamedContent,
    progress: BlobProgress,
    mountFrom: string | undefined,
  ): Promise<PushedBlob> {
    const open = (): ReturnType<typeof content.open> => {
      progress.restart();
      return content.open();
    };
    const onSent = (bytes: number): void => (bytes < 0 ? progress.restart() : progress.addSent(bytes));
    const options: BlobPushOptions = { signal: this.job.signal, onSent, mountFrom };
    try {
      if ('descriptor' in content) {
        // No manifest that was looked at names it.
        const { digest, size } = content.descriptor;
        const isUnnamed = this.job.known !== undefined && mountFrom === undefined && size <= SMALL_BLOB;
        const isNew = isUnnamed || (this.job.missing?.has(digest) ?? false);
        return await this.blobs.push(repository, { ...content, open }, { ...options, isNew });
      }
      return await this.blobs.pushStream(repository, { ...content, open }, options);
    } catch (error) {
      throw faultOfArchive(error) ?? error;
    }
  }
}

function alreadyThere(descriptor: Descriptor): PushedBlob {
  return { descriptor, outcome: 'exists', bytesSent: 0 };
}

/** A transport may wrap what a body failed with, but it is the archive that has to be mended. */
function faultOfArchive(error: unknown): Error | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof ValidationError || cause instanceof TarReadError ? cause : undefined;
}
