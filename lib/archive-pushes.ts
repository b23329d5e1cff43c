import { Readable } from 'node:stream';
import { TarArchive } from './archive/tar-archive.js';
import type { PlanInput, PlanOptions, PushInput, TransferOptions } from './client-options.js';
import { compressorFor } from './compression/compressor-for.js';
import { InvalidArgumentError } from './errors.js';
import { assertRepository, assertTag } from './oci/reference.js';
import type { ResolvedOptions } from './options.js';
import { DiskLayerCache } from './transfer/disk-layer-cache.js';
import type { LayerCache } from './transfer/layer-cache.js';
import { MemoryLayerCache } from './transfer/memory-layer-cache.js';
import type { OnProgress } from './transfer/progress.js';
import { type PushedImage, pushImages, type PushJob } from './transfer/push.js';
import type { PushPlan } from './transfer/push-plan.js';
import type { SurveyServices } from './transfer/repository-survey.js';
import type { SentLayers } from './transfer/sent-layers.js';
import { KnownLayers, type PushName } from './transfer/known-layers.js';
import { StreamPush, type StreamPushJob } from './transfer/stream-push.js';
import type { ChooseTargets } from './transfer/targets.js';
import type { Transport } from './transport/transport.js';

export interface ArchivePushesParts {
  services: SurveyServices;
  archives: typeof TarArchive;
  options: Pick<ResolvedOptions, 'registry' | 'url' | 'concurrency' | 'isAdaptive' | 'cache' | 'log' | 'chunkSize'>;
  isThrottled: () => boolean;
  transport: Transport;
  /** The client's services over another transport than its own. */
  servicesOver: (transport: Transport) => SurveyServices;
}

/** What is the same for every way in. */
type StreamOptions = Omit<StreamPushJob, 'repository' | 'learn'> & { registry: string; layersFrom: readonly string[] };

/** The pushes of one client, and what they know of layers together. */
export class ArchivePushes {
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
    // A stream is closed then, too.
    if (!(input instanceof Readable)) options.signal?.throwIfAborted();
    const job = this.jobOf(options);
    const { archive, ...passed } = await this.open(input, job, name);
    try {
      const targets = choose(archive.images);
      return await pushImages(this.parts.services, { ...job, ...passed, ...this.wayOf(archive, options), targets });
    } finally {
      if (archive !== input) await archive.close();
    }
  }

  /** What `run` would do. @throws InvalidArgumentError for a stream, too */
  async plan(input: PlanInput, choose: ChooseTargets, options: PlanOptions): Promise<PushPlan> {
    if ((input as unknown) instanceof Readable) throw unplannable();
    options.signal?.throwIfAborted();
    const warnings: string[] = [];
    const onProgress: OnProgress = (event) => void (event.state === 'warning' && warnings.push(event.message));
    const job = this.jobOf({ ...options, onProgress });
    const { archive } = await this.open(input, job, undefined);
    try {
      const targets = choose(archive.images);
      // What pushes do not use is not loaded for them.
      const { planImages } = await import('./transfer/push-plan.js');
      const { transport, servicesOver, options: client } = this.parts;
      const tools = { transport, servicesOver, url: client.url, chunkSize: client.chunkSize };
      const plan = await planImages(tools, { ...job, ...this.wayOf(archive, options), targets });
      return { ...plan, warnings: [...warnings, ...plan.warnings] };
    } finally {
      if (archive !== input) await archive.close();
    }
  }

  /** How an archive goes. */
  private wayOf(
    { randomAccess }: TarArchive,
    { concurrency }: Pick<TransferOptions, 'concurrency'>,
  ): Pick<PushJob, 'randomAccess' | 'isAdaptive' | 'isThrottled' | 'cache'> {
    const { options, isThrottled } = this.parts;
    const isAdaptive = concurrency === undefined && options.isAdaptive;
    return { randomAccess, isAdaptive, isThrottled, cache: this.layers };
  }

  private jobOf(options: TransferOptions): StreamOptions {
    const { signal, onProgress = (): void => undefined } = options;
    const { registry, log, concurrency } = this.parts.options;
    const warn = (message: string): void => onProgress({ state: 'warning', message });
    return {
      registry,
      compressor: compressorFor(options, { warn, log }),
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

function unplannable(): InvalidArgumentError {
  return new InvalidArgumentError('a stream cannot be planned: to know what is in it is to use it up', {
    code: 'INPUT_INVALID',
    hint: 'Write it to a file, and plan that: docker save -o app.tar NAME.',
  });
}
