import type { Writable } from 'node:stream';
import type {
  CallOptions,
  CopyOptions,
  ImageInfoOptions,
  ManifestOptions,
  PlanInput,
  PlanOriginalTagsOptions,
  PlanPushOptions,
  PullOptions,
  PushInput,
  PushOptions,
  PushOriginalTagsOptions,
  RegistryClientConfig,
} from './client-options.js';
import type { ArchiveInput, TarArchive } from './archive/tar-archive.js';
import { ArchivePushes } from './archive-pushes.js';
import { ClientEvents } from './client-events.js';
import { createContainer } from './container.js';
import { servicesOver } from './service-overrides.js';
import type { Descriptor } from './oci/descriptor.js';
import { assertDigest } from './oci/digest.js';
import { encodeManifest, type Manifest, parseManifest, type RawManifest } from './oci/manifest.js';
import { assertTag } from './oci/reference.js';
import type { ResolvedOptions } from './options.js';
import type { BlobService } from './services/blob-service.js';
import type { ManifestService } from './services/manifest-service.js';
import type { ReferrersOptions } from './services/referrers.js';
import type { ListOptions, RepositoryService } from './services/repository-service.js';
import { TOKENS } from './tokens.js';
import { copyJob, type End, pullJob } from './transfer-jobs.js';
import { type ListedImage, listImages } from './transfer/catalog.js';
import { type CopiedImage, Copy } from './transfer/copy.js';
import {
  type DeletedImage,
  deleteImage,
  type DeleteImageOptions,
  deleteManifest,
  deleteTag,
  type DeleteTagOptions,
  type DeletionServices,
} from './transfer/deletion.js';
import { fetchPlatform } from './transfer/image-graph.js';
import { type ImageInfo, readImageInfo } from './transfer/image-info.js';
import { createLimit, type Limit } from './transfer/limiter.js';
import { Pull, type PulledImage } from './transfer/pull.js';
import type { PushedImage } from './transfer/push.js';
import type { PushPlan } from './transfer/push-plan.js';
import { namedTarget, originalTargets, targetName } from './transfer/targets.js';
import type { Transport } from './transport/transport.js';

/**
 * A client for one registry.
 *
 * ```ts
 * const client = new RegistryClient({ url: 'http://localhost:5000' });
 * await client.pushOriginalTags('app.tar');
 * ```
 */
export class RegistryClient {
  /** Layers and configs, one by one. */
  readonly blobs: BlobService;
  /** Manifests, indexes, tags and referrers, one by one. */
  readonly manifests: ManifestService;
  /** The catalog, and the tags of a repository. */
  readonly repositories: RepositoryService;
  private readonly options: ResolvedOptions;
  private readonly transport: Transport;
  /** For what is only read: mirrors are asked first. */
  private readonly reading: Pick<End, 'blobs' | 'manifests'>;
  private readonly archives: typeof TarArchive;
  private readonly pushes: ArchivePushes;
  /** Metadata calls that one call makes by itself, over all calls of this client. */
  private readonly metadata: Limit;

  /** @throws InvalidArgumentError when an option cannot be right. Nothing is sent. */
  constructor(config: RegistryClientConfig = {}) {
    const { services, ...options } = config;
    const container = createContainer(options, services);
    this.options = container.get(TOKENS.Options);
    this.metadata = createLimit(this.options.concurrency);
    this.transport = container.get(TOKENS.Transport);
    this.blobs = container.get(TOKENS.BlobService);
    this.manifests = container.get(TOKENS.ManifestService);
    this.repositories = container.get(TOKENS.RepositoryService);
    this.reading = container.get(TOKENS.ReadServices);
    this.archives = container.get(TOKENS.TarArchive);
    const { archives, options: resolved, transport } = this;
    const isThrottled = (): boolean => transport.isThrottled?.() ?? false;
    this.pushes = new ArchivePushes({
      ...{ services: this, archives, options: resolved, transport, isThrottled },
      servicesOver: (other) => servicesOver(other, resolved, services),
    });
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
   * @param input - a stream is read to its end and closed, unless an argument is wrong
   * @param reference - `repository[:tag]`, `latest` without a tag
   * @throws InvalidArgumentError before anything is sent, but for a stream with several images, of which none or an unknown
   * one is chosen; TarReadError, ValidationError for the archive; RegistryError
   */
  async push(input: PushInput, reference: string, options: PushOptions = {}): Promise<PushedImage> {
    const choose = namedTarget(reference, this.registry, options);
    const [pushed] = await this.pushes.run(input, choose, options, targetName(reference, this.registry));
    return pushed as PushedImage;
  }

  /**
   * Pushes every image of an archive under the tags it was saved with; the registry in a tag gives way to this one.
   * @returns one element per tag, in the order of the archive
   * @throws InvalidArgumentError when the archive names no tag, or `input` is a stream, which names them last; TarReadError, ValidationError for the archive; RegistryError
   */
  async pushOriginalTags(input: PushInput, options: PushOriginalTagsOptions = {}): Promise<PushedImage[]> {
    return this.pushes.run(input, originalTargets(this.registry, options), options);
  }

  /**
   * What {@link push} would do if it were called now: which blobs it would send, link or leave, in how many requests, and which
   * tag it would set. The registry is asked by HEAD and GET only, with tokens that allow no more, and nothing is changed; layers
   * that would be packed on the way are not packed.
   * @param input - no stream, which would be used up by it
   * @param reference - `repository[:tag]`, `latest` without a tag
   * @throws what `push` does before it sends anything: InvalidArgumentError, also for a stream; TarReadError, ValidationError for
   * the archive; AuthenticationError, RegistryError
   */
  async planPush(input: PlanInput, reference: string, options: PlanPushOptions = {}): Promise<PushPlan> {
    return this.pushes.plan(input, namedTarget(reference, this.registry, options), options);
  }

  /**
   * What {@link pushOriginalTags} would do if it were called now. The registry is asked by HEAD and GET only, and nothing is
   * changed.
   * @param input - no stream, which would be used up by it
   * @throws like {@link planPush}; InvalidArgumentError when the archive names no tag
   */
  async planPushOriginalTags(input: PlanInput, options: PlanOriginalTagsOptions = {}): Promise<PushPlan> {
    return this.pushes.plan(input, originalTargets(this.registry, options), options);
  }

  /**
   * `push`, `pushOriginalTags`, `pull` and `copy` for `for await`: the events of the transfer, then its `result`. Leaving the loop
   * early aborts it.
   */
  get withEvents(): ClientEvents {
    return new ClientEvents(this);
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
   * @throws NotFoundError when it is not there, or has no image for the platform; DigestMismatchError, RegistryError
   */
  async getManifest(repository: string, reference: string, options: ManifestOptions = {}): Promise<RawManifest> {
    const { platform, ...call } = options;
    const raw = await this.reading.manifests.fetch(repository, reference, call);
    return platform === undefined ? raw : fetchPlatform(this.reading, repository, raw, platform, call);
  }

  /**
   * What a tag or digest stands for, without its content.
   * @returns undefined when there is no such manifest
   * @throws RegistryError
   */
  resolve(repository: string, reference: string, options: CallOptions = {}): Promise<Descriptor | undefined> {
    return this.reading.manifests.resolve(repository, reference, options);
  }

  /**
   * Stores a manifest of the caller's making; everything it names must be stored before.
   * @param reference - a tag, or the manifest's own digest
   * @param manifest - its fields, or its exact bytes
   * @throws RegistryClientError with code `MANIFEST_INVALID` before anything is sent; RegistryError
   */
  async pushManifest(
    repository: string,
    reference: string,
    manifest: Manifest | Uint8Array,
    options: CallOptions = {},
  ): Promise<Descriptor> {
    const raw = manifest instanceof Uint8Array ? parseManifest(manifest) : encodeManifest(manifest);
    return this.manifests.push(repository, reference, raw, options);
  }

  /**
   * Gives what is there another tag.
   * @param reference - a tag or a digest
   * @throws NotFoundError, RegistryError
   */
  async tag(repository: string, reference: string, tag: string, options: CallOptions = {}): Promise<Descriptor> {
    assertTag(tag);
    const raw = await this.manifests.fetch(repository, reference, { ...options, forPush: true });
    return this.manifests.push(repository, tag, raw, options);
  }

  /**
   * What an image is: platform, creation, size, layers, labels, environment, history; for an index, of every platform.
   * @throws NotFoundError when there is no such image, or none for the platform, listing those there are; RegistryError
   */
  getImageInfo(repository: string, reference: string, options: ImageInfoOptions = {}): Promise<ImageInfo> {
    const { platform, ...call } = options;
    const job = { repository, reference, platform, limit: this.metadata, ...call };
    return readImageInfo(this.reading.manifests, this.reading.blobs, job);
  }

  /**
   * All tags of all repositories with their images, in the order their answers arrive.
   * @throws UnsupportedError when the registry has no catalog for us
   */
  listImages(options: CallOptions & { concurrency?: number } = {}): AsyncGenerator<ListedImage> {
    const { concurrency = this.options.concurrency, ...call } = options;
    const info = (repository: string, tag: string): Promise<ImageInfo> => this.getImageInfo(repository, tag, call);
    return listImages(this.repositories, { concurrency, info, ...call });
  }

  /**
   * Writes an image, or an index with all its images, into an archive.
   * @param reference - `repository[:tag]`, `latest` without a tag, or `repository@digest`
   * @param target - a path, which appears complete or not at all, or a stream, which is not ended
   * @throws NotFoundError, DigestMismatchError, RegistryError; InvalidArgumentError when the file cannot be written
   */
  async pull(reference: string, target: string | Writable, options: PullOptions = {}): Promise<PulledImage> {
    const job = pullJob(reference, target, options, this.options);
    return new Pull(this.reading.blobs, this.reading.manifests, job).run();
  }

  /**
   * Copies an image, or an index with all its images, within this registry or into another, without touching the disk.
   * @param source - `repository[:tag|@digest]` here
   * @param target - `repository[:tag]` there; the source's tag where it has none
   * @throws NotFoundError, DigestMismatchError, RegistryError
   */
  async copy(source: string, target: string, options: CopyOptions = {}): Promise<CopiedImage> {
    const { to = this } = options;
    const isSameRegistry = to.options.url.href === this.options.url.href;
    // A mirror may be behind, and what is written here would be old under a new name.
    const from = isSameRegistry ? endOf(this) : { ...this.reading, registry: this.registry };
    const ends = [
      { ...from, name: source },
      { ...endOf(to), name: target },
    ] as const;
    return new Copy(copyJob(...ends, options, { isSameRegistry, concurrency: this.options.concurrency })).run();
  }

  /**
   * What refers to an image: signatures, SBOMs, attestations.
   * @param reference - a tag or a digest
   * @throws NotFoundError when there is no such tag; RegistryError. An image nobody refers to has none.
   */
  listReferrers(repository: string, reference: string, options: ReferrersOptions = {}): AsyncGenerator<Descriptor> {
    return this.manifests.listReferrers(repository, reference, options);
  }

  /**
   * Removes one tag and nothing else.
   * @throws NotFoundError; UnsupportedError where the registry cannot and no `fallback` is wanted; RegistryError
   */
  deleteTag(repository: string, tag: string, options: DeleteTagOptions = {}): Promise<void> {
    return deleteTag(this.deletion, repository, tag, options);
  }

  /**
   * Deletes the manifest behind a tag or digest, and with it every tag that points to it.
   * @throws NotFoundError; InvalidArgumentError naming the other tags on the manifest, unless `force`; RegistryError
   */
  deleteImage(repository: string, reference: string, options: DeleteImageOptions = {}): Promise<DeletedImage> {
    return deleteImage(this.deletion, repository, reference, options);
  }

  /**
   * Deletes a manifest, and without a question every tag that points to it.
   * @throws NotFoundError, UnsupportedError, RegistryError
   */
  async deleteImageByDigest(repository: string, digest: string, options: CallOptions = {}): Promise<void> {
    await deleteManifest(this.deletion, repository, assertDigest(digest), options);
  }

  /** Opens an archive with the class this client uses. Close it after use. */
  openArchive(input: ArchiveInput): Promise<TarArchive> {
    return this.archives.open(input);
  }

  /** Closes idle connections. */
  async close(): Promise<void> {
    await this.transport.close?.();
  }

  /** For `await using`: as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private get deletion(): DeletionServices {
    const { blobs, manifests, repositories } = this;
    return { blobs, manifests, repositories, concurrency: this.options.concurrency };
  }
}

function endOf({ blobs, manifests, registry }: RegistryClient): End {
  return { blobs, manifests, registry };
}
