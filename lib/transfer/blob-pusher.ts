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
import type { PlannedBlob } from './plan.js';
import type { OnProgress } from './progress.js';
import type { SentLayers } from './sent-layers.js';

export interface BlobPusherJob {
  /** A repository that may have some of the blobs. */
  mountFrom?: string | undefined;
  /** What has been sent to the one repository of the job before it began. */
  sent?: Pick<SentLayers, 'find'> | undefined;
  signal: AbortSignal;
  onProgress: OnProgress;
}

/** Pushes contents into every repository that needs them: sent to the first, linked into the others. */
export class BlobPusher {
  /** By key and repository. */
  private readonly done = new Map<string, ReadonlyMap<string, PushedBlob>>();
  /** By repository and digest: contents with different keys may turn out to be equal. */
  private readonly named = new Map<string, Promise<PushedBlob>>();

  constructor(
    private readonly blobs: BlobService,
    private readonly job: BlobPusherJob,
  ) {}

  async push({ content, repositories }: PlannedBlob): Promise<void> {
    this.job.signal.throwIfAborted();
    const { key, entry, size } = content;
    const sent = this.job.sent?.find(content);
    if (sent) return void this.done.set(key, new Map(repositories.map((repository) => [repository, sent])));
    const blob = { entry, size };
    const progress = new BlobProgress(blob, this.job.onProgress);
    const prepared = await content.prepare((bytes) => progress.addRead(bytes), this.job.signal);
    let known: BlobContent | StreamedContent = prepared;
    const outcomes = new Map<string, PushedBlob>();
    for (const repository of repositories) {
      progress.keep();
      const mountFrom = outcomes.size > 0 ? repositories[0] : this.job.mountFrom;
      const { isSent, pushed } = await this.pushOnce(repository, known, progress, mountFrom);
      const { outcome, descriptor } = pushed;
      outcomes.set(repository, pushed);
      known = { descriptor, open: () => prepared.open() };
      this.job.onProgress({ state: isSent ? outcome : 'exists', blob, repository, descriptor });
    }
    this.done.set(key, outcomes);
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

  /** Waits for whoever is pushing the same blob to the same repository already. */
  private async pushOnce(
    repository: string,
    content: BlobContent | StreamedContent,
    progress: BlobProgress,
    mountFrom: string | undefined,
  ): Promise<{ isSent: boolean; pushed: PushedBlob }> {
    if (!('descriptor' in content)) {
      return { isSent: true, pushed: await this.send(repository, content, progress, mountFrom) };
    }
    const name = `${repository}@${content.descriptor.digest}`;
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
      if ('descriptor' in content) return await this.blobs.push(repository, { ...content, open }, options);
      return await this.blobs.pushStream(repository, { ...content, open }, options);
    } catch (error) {
      throw faultOfArchive(error) ?? error;
    }
  }
}

/** A transport may wrap what a body failed with, but it is the archive that has to be mended. */
function faultOfArchive(error: unknown): Error | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof ValidationError || cause instanceof TarReadError ? cause : undefined;
}
