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
import { KnownLayers, type PushName } from './transfer/known-layers.js';
import { StreamPush, type StreamPushJob } from './transfer/stream-push.js';
import type { ChooseTargets } from './transfer/targets.js';

export interface ArchivePushesParts {
  services: SurveyServices;
  archives: typeof TarArchive;
  options: Pick<ResolvedOptions, 'registry' | 'concurrency' | 'isAdaptive' | 'cache' | 'log'>;
  isThrottled: () => boolean;
}

/** What is the same for every way in. */
type StreamOptions = Omit<StreamPushJob, 'repository' | 'learn'> & { registry: string; layersFrom: readonly string[] };

/** The pushes of one client, and what they share: processor cores, and what they know of layers. */
export class ArchivePushes {
  /** One block more than there are cores, so that none of them waits for us to hand it the next one. */
  private readonly cores = createLimit(compressionParallelism() + 1);
  private readonly layers: LayerCache;

  constructor(private readonly parts: ArchivePushesParts) {
    this.layers = parts.options.cache ? new DiskLayerCache() : new MemoryLayerCache();
  }

  /** @param name - where layers of a stream go while they pass; without it a stream is refused */
  async run(
    input: PushInput,
    choose: ChooseTargets,
    options: TransferOptions,
    name?: PushName,
  ): Promise<PushedImage[]> {
    const { services, options: client, isThrottled } = this.parts;
    // A stream is closed then, too.
    if (!(input instanceof Readable)) options.signal?.throwIfAborted();
    const job = this.jobOf(options);
    const isAdaptive = options.concurrency === undefined && client.isAdaptive;
    const { archive, ...passed } = await this.open(input, job, name);
    try {
      const { randomAccess, images } = archive;
      const targets = choose(images);
      const more = { targets, ...passed, randomAccess, isAdaptive, isThrottled, cache: this.layers };
      return await pushImages(services, { ...job, ...more });
    } finally {
      if (archive !== input) await archive.close();
    }
  }

  private jobOf(options: TransferOptions): StreamOptions {
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
    job: StreamOptions,
    name: PushName | undefined,
  ): Promise<{ archive: TarArchive; sent?: SentLayers; known?: KnownLayers }> {
    const { services, archives } = this.parts;
    if (input instanceof TarArchive) return { archive: input };
    if (!(input instanceof Readable)) return { archive: await archives.open(input) };
    if (name === undefined) throw namelessStream();
    const packing = job.compressor?.packing ?? 'none';
    const learn = (signal: AbortSignal): Promise<KnownLayers> =>
      KnownLayers.gatherFor(services, { ...job, target: name, packing, cache: this.layers, signal });
    const { repository } = name;
    const { source, contents, ...rest } = await new StreamPush(services.blobs, { ...job, repository, learn }).run(
      input,
    );
    return { archive: new archives(source, contents), ...rest };
  }
}

function namelessStream(): InvalidArgumentError {
  return new InvalidArgumentError('a stream names its tags at its end, when its layers have long been sent', {
    code: 'NAME_REQUIRED',
    hint: 'Give a name to push it under, or push a file, which keeps its original tags.',
  });
}
