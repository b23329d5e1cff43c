import { type ArchiveInput, TarArchive } from './archive/tar-archive.js';
import type { Compressor } from './compression/compressor.js';
import { GzipCompressor } from './compression/gzip-compressor.js';
import { compressionParallelism } from './compression/parallelism.js';
import { createContainer } from './container.js';
import type { ServiceOverrides } from './service-overrides.js';
import { InvalidArgumentError } from './errors.js';
import type { RawManifest } from './oci/manifest.js';
import type { RegistryClientOptions, ResolvedOptions } from './options.js';
import type { BlobService } from './services/blob-service.js';
import type { ManifestService } from './services/manifest-service.js';
import type { RepositoryService } from './services/repository-service.js';
import { type ListOptions } from './services/repository-service.js';
import { TOKENS } from './tokens.js';
import { createLimit } from './transfer/limiter.js';
import type { OnProgress } from './transfer/progress.js';
import { Push, type PushedImage } from './transfer/push.js';
import {
  type ChooseTargets,
  namedTarget,
  type NamedTargetOptions,
  originalTargets,
  type OriginalTargetOptions,
} from './transfer/targets.js';
import type { Transport } from './transport/transport.js';

export interface CallOptions {
  /** Ends the call: it rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** How layers that are plain in the archive are pushed; packed ones always go byte for byte. */
export interface TransferOptions extends CallOptions {
  /** Default `gzip`, like docker push. */
  compression?: 'gzip' | 'none';
  /** Blobs at once. Default: that of the client. */
  concurrency?: number;
  onProgress?: OnProgress;
}

export interface PushOptions extends TransferOptions, NamedTargetOptions {}

export interface PushOriginalTagsOptions extends TransferOptions, OriginalTargetOptions {}

export interface RegistryClientConfig extends RegistryClientOptions {
  /** Subclasses to use in place of the package's services. */
  services?: ServiceOverrides;
}

/** A path, a `file:` URL, the bytes of a tar, or an archive that is open already (and stays so). */
export type PushInput = ArchiveInput | TarArchive;

/**
 * A client for one registry.
 *
 * ```ts
 * const client = new RegistryClient({ url: 'http://localhost:5000' });
 * await client.pushOriginalTags('app.tar');
 * ```
 */
export class RegistryClient {
  readonly blobs: BlobService;
  readonly manifests: ManifestService;
  readonly repositories: RepositoryService;
  private readonly options: ResolvedOptions;
  private readonly transport: Transport;
  private readonly archives: typeof TarArchive;
  /** One budget of processor cores for all pushes of this client. */
  private readonly cores = createLimit(compressionParallelism());

  /** @throws InvalidArgumentError when an option cannot be right. Nothing is sent. */
  constructor(config: RegistryClientConfig = {}) {
    const { services, ...options } = config;
    const container = createContainer(options, services);
    this.options = container.get(TOKENS.Options);
    this.transport = container.get(TOKENS.Transport);
    this.blobs = container.get(TOKENS.BlobService);
    this.manifests = container.get(TOKENS.ManifestService);
    this.repositories = container.get(TOKENS.RepositoryService);
    this.archives = container.get(TOKENS.TarArchive);
  }

  /** `host[:port]`, as it stands in references. */
  get registry(): string {
    return this.options.registry;
  }

  /**
   * Asks whether the registry is there and lets us in.
   * @returns true
   * @throws AuthenticationError, RegistryError
   */
  async checkConnectivity(options: CallOptions = {}): Promise<boolean> {
    await this.repositories.ping(options);
    return true;
  }

  /**
   * Pushes the one image of an archive under a name.
   * @param reference - `repository[:tag]`, `latest` without a tag
   * @throws InvalidArgumentError before anything is sent; TarReadError, ValidationError for the archive; RegistryError
   */
  async push(input: PushInput, reference: string, options: PushOptions = {}): Promise<PushedImage> {
    const [pushed] = await this.pushTargets(input, namedTarget(reference, this.registry, options), options);
    return pushed as PushedImage;
  }

  /**
   * Pushes every image of an archive under the tags it was saved with; the registry in a tag gives way to this one.
   * @returns one element per tag, in the order of the archive
   * @throws InvalidArgumentError when the archive names no tag; TarReadError, ValidationError for the archive; RegistryError
   */
  async pushOriginalTags(input: PushInput, options: PushOriginalTagsOptions = {}): Promise<PushedImage[]> {
    return this.pushTargets(input, originalTargets(this.registry, options), options);
  }

  /** Every repository, page by page. @throws UnsupportedError when the registry has no catalog for us. */
  listRepositories(options: ListOptions = {}): AsyncGenerator<string> {
    return this.repositories.listRepositories(options);
  }

  /** Every tag of a repository, page by page. @throws NotFoundError when there is no such repository. */
  listTags(repository: string, options: ListOptions = {}): AsyncGenerator<string> {
    return this.repositories.listTags(repository, options);
  }

  /**
   * A manifest or an index with its exact bytes.
   * @param reference - a tag or a digest
   * @throws NotFoundError, DigestMismatchError, RegistryError
   */
  getManifest(repository: string, reference: string, options: CallOptions = {}): Promise<RawManifest> {
    return this.manifests.fetch(repository, reference, options);
  }

  /** Opens an archive with the class this client uses. Close it after use. */
  openArchive(input: ArchiveInput): Promise<TarArchive> {
    return this.archives.open(input);
  }

  /** Closes idle connections. */
  async close(): Promise<void> {
    await this.transport.close?.();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async pushTargets(input: PushInput, choose: ChooseTargets, options: TransferOptions): Promise<PushedImage[]> {
    options.signal?.throwIfAborted();
    const compressor = this.compressorFor(options.compression ?? 'gzip');
    const archive = input instanceof TarArchive ? input : await this.openArchive(input);
    try {
      const push = new Push(this.blobs, this.manifests, {
        registry: this.registry,
        targets: choose(archive.images),
        compressor,
        concurrency: options.concurrency ?? this.options.concurrency,
        randomAccess: archive.randomAccess,
        signal: options.signal,
        onProgress: options.onProgress ?? ((): void => undefined),
      });
      return await push.run();
    } finally {
      if (archive !== input) await archive.close();
    }
  }

  private compressorFor(compression: string): Compressor | undefined {
    if (compression === 'gzip') return new GzipCompressor(this.cores);
    if (compression === 'none') return undefined;
    throw new InvalidArgumentError(`the option compression is "${compression}"`, {
      hint: "It takes 'gzip' or 'none'.",
    });
  }
}

/** All elements of a list that comes page by page. */
export async function collect<T>(list: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const element of list) all.push(element);
  return all;
}
