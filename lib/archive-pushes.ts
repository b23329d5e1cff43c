import { Readable } from 'node:stream';
import { TarArchive } from './archive/tar-archive.js';
import type { PushInput, TransferOptions } from './client-options.js';
import { compressorFor } from './compression/compressor-for.js';
import { compressionParallelism } from './compression/parallelism.js';
import { InvalidArgumentError } from './errors.js';
import { assertRepository, assertTag } from './oci/reference.js';
import type { ResolvedOptions } from './options.js';
import { DiskLayerCache } from './transfer/disk-layer-cache.js';
import type { LayerCache } from './transfer/layer-cache.js';
import { createLimit } from './transfer/limiter.js';
import { MemoryLayerCache } from './transfer/memory-layer-cache.js';
import { type PushedImage, pushImages } from './transfer/push.js';
import type { SurveyServices } from './transfer/repository-survey.js';
import type { SentLayers } from './transfer/sent-layers.js';
import { StreamPush, type StreamPushJob } from './transfer/stream-push.js';
import type { ChooseTargets } from './transfer/targets.js';

export interface ArchivePushesParts {
  services: SurveyServices;
  archives: typeof TarArchive;
  options: Pick<ResolvedOptions, 'registry' | 'concurrency' | 'isAdaptive' | 'cache' | 'log'>;
  isThrottled: () => boolean;
}

/** The pushes of one client, and what they share: processor cores, and what they know of layers. */
export class ArchivePushes {
  /** One block more than there are cores, so that none of them waits for us to hand it the next one. */
  private readonly cores = createLimit(compressionParallelism() + 1);
  private readonly layers: LayerCache;

  constructor(private readonly parts: ArchivePushesParts) {
    this.layers = parts.options.cache ? new DiskLayerCache() : new MemoryLayerCache();
  }

  /** @param repository - where layers of a stream go while they pass; without it a stream is refused */
  async run(
    input: PushInput,
    choose: ChooseTargets,
    options: TransferOptions,
    repository?: string,
  ): Promise<PushedImage[]> {
    const { services, options: client, isThrottled } = this.parts;
    // A stream is closed then, too.
    if (!(input instanceof Readable)) options.signal?.throwIfAborted();
    const job = this.jobOf(options);
    const isAdaptive = options.concurrency === undefined && client.isAdaptive;
    const { archive, sent } = await this.open(input, job, repository);
    try {
      const { randomAccess, images } = archive;
      const targets = choose(images);
      const more = { targets, sent, randomAccess, isAdaptive, isThrottled, cache: this.layers };
      return await pushImages(services, { ...job, ...more });
    } finally {
      if (archive !== input) await archive.close();
    }
  }

  private jobOf(options: TransferOptions): Omit<StreamPushJob, 'repository'> & {
    registry: string;
    layersFrom: readonly string[];
  } {
    const { signal, onProgress = (): void => undefined } = options;
    const { registry, log, concurrency } = this.parts.options;
    const warn = (message: string): void => onProgress({ state: 'warning', message });
    return {
      registry,
      compressor: compressorFor(options, { cores: this.cores, warn, log }),
      mountFrom: options.mountFrom === undefined ? undefined : assertRepository(options.mountFrom),
      layersFrom: (options.layersFrom ?? []).map(assertTag),
      concurrency: options.concurrency ?? concurrency,
      signal,
      onProgress,
    };
  }

  private async open(
    input: PushInput,
    job: Omit<StreamPushJob, 'repository'>,
    repository: string | undefined,
  ): Promise<{ archive: TarArchive; sent?: SentLayers }> {
    const { services, archives } = this.parts;
    if (input instanceof TarArchive) return { archive: input };
    if (!(input instanceof Readable)) return { archive: await archives.open(input) };
    if (repository === undefined) throw namelessStream();
    const { source, contents, sent } = await new StreamPush(services.blobs, { ...job, repository }).run(input);
    return { archive: new archives(source, contents), sent };
  }
}

function namelessStream(): InvalidArgumentError {
  return new InvalidArgumentError('a stream names its tags at its end, when its layers have long been sent', {
    code: 'NAME_REQUIRED',
    hint: 'Give a name to push it under, or push a file, which keeps its original tags.',
  });
}
