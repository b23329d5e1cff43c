/**
 * The client, its services, archives, transports and errors. Begin at {@link RegistryClient}.
 * @module registry-api-v2-client
 */
export { collect } from './collect.js';
export { RegistryClient } from './registry-client.js';
export type {
  CallOptions,
  CopyOptions,
  ImageInfoOptions,
  ManifestOptions,
  PlanInput,
  PlanOptions,
  PlanOriginalTagsOptions,
  PlanPushOptions,
  PullOptions,
  PushInput,
  PushOptions,
  PushOriginalTagsOptions,
  RegistryClientConfig,
  TransferOptions,
} from './client-options.js';
export type { MirrorAddress, RegistryClientOptions, ResolvedOptions } from './options.js';
export { loadConfig } from './config/config-file.js';
export type { ClientConfigFile, LoadConfigOptions } from './config/config-file.js';
export type { HostOptions, HostsOptions } from './config/host-options.js';
export type { HostSettings } from './config/host-settings.js';
export type { PemSource, TlsMaterial, TlsOptions } from './transport/tls-material.js';
export type { ConnectionSettings } from './transport/agents.js';
export type { ServiceClass, ServiceOverrides } from './service-overrides.js';

export { BlobService } from './services/blob-service.js';
export type {
  BlobContent,
  BlobExistsOptions,
  BlobPushOptions,
  PushedBlob,
  StreamedContent,
} from './services/blob-service.js';
export { ManifestService } from './services/manifest-service.js';
export type { ManifestCallOptions } from './services/manifest-service.js';
export { RepositoryService } from './services/repository-service.js';
export type { ReferrersOptions } from './services/referrers.js';
export type { ListOptions } from './services/repository-service.js';
export type { ListedImage } from './transfer/catalog.js';
export type { CopiedImage, CopyEvent } from './transfer/copy.js';
export type { DeletedImage, DeleteImageOptions, DeleteTagOptions, DeletionEvent } from './transfer/deletion.js';
export type { ImageInfo, PlatformImage } from './transfer/image-info.js';
export type { PulledImage, PullEvent } from './transfer/pull.js';
export type { PushedImage } from './transfer/push.js';
export type { PushPlan, PushPlanBlob, PushPlanTag } from './transfer/push-plan.js';
export type { OnProgress, ProgressBlob, PushEvent } from './transfer/progress.js';
export type { TransferEvent } from './transfer/event-queue.js';
export type { TransferEvents } from './transfer/transfer-events.js';
export type { ClientEvents } from './client-events.js';

export {
  extractOriginalTags,
  getPrimaryTag,
  getTarManifest,
  inspectDockerTar,
  validateDockerTar,
} from './archive/docker-tar.js';
export { TarArchive } from './archive/tar-archive.js';
export type { ArchiveInput, ArchiveReport, ValidateOptions } from './archive/tar-archive.js';
export type {
  ArchiveConfig,
  ArchiveImage,
  ArchiveLayer,
  ArchiveManifest,
  ForeignLayer,
} from './archive/archive-image.js';
export type { DockerManifestEntry } from './archive/docker-archive.js';
export type { ImageInspection, LayerInspection, RunConfig } from './archive/inspection.js';

export type { Compressor } from './compression/compressor.js';
export type { Packing } from './compression/sniff.js';

export type { Transport, TransportRequest, TransportResponse, RequestBody } from './transport/transport.js';
export { AxiosTransport } from './transport/axios-transport.js';
export type { AxiosTransportOptions } from './transport/axios-transport.js';
export { AuthTransport } from './transport/auth-transport.js';
export type { AuthOptions } from './transport/auth-transport.js';
export { LoggingTransport } from './transport/logging-transport.js';
export { RedirectTransport } from './transport/redirect-transport.js';
export { RetryTransport } from './transport/retry-transport.js';
export type { RetryOptions } from './transport/retry-transport.js';
export type { RequestTrace } from './transport/tracing-transport.js';
export { dockerConfigCredentials } from './transport/docker-config.js';
export { eraseDockerCredentials, saveDockerCredentials } from './transport/docker-login.js';
export type { CredentialsPlace, DockerConfigOptions } from './transport/docker-login.js';
export type {
  BasicCredentials,
  Credentials,
  CredentialsProvider,
  IdentityTokenCredentials,
  RegistryTokenCredentials,
} from './transport/credentials.js';

export type { ArchiveFormat } from './archive/image-files.js';
export type { Descriptor, JsonObject } from './oci/descriptor.js';
export type { HistoryEntry, ImageConfig } from './oci/image-config.js';
export { algorithmOf, digestOf, isDigest, shortDigest } from './oci/digest.js';
export type { DigestAlgorithm } from './oci/digest.js';
export { encodeManifest, isIndex, parseManifest } from './oci/manifest.js';
export type { ImageIndex, ImageManifest, Manifest, RawManifest } from './oci/manifest.js';
export { MediaType } from './oci/media-types.js';
export { formatPlatform, parsePlatform } from './oci/platform.js';
export type { Platform } from './oci/platform.js';
export { formatReference, parseReference, parseRepositoryTag } from './oci/reference.js';
export type { Reference, RepositoryTag } from './oci/reference.js';

export type { ErrorJson } from './error-view.js';
export {
  AuthenticationError,
  DigestMismatchError,
  InvalidArgumentError,
  NotFoundError,
  RateLimitError,
  RegistryClientError,
  RegistryError,
  TarReadError,
  UnsupportedError,
  ValidationError,
} from './errors.js';
export type { ArchiveProblem, ErrorDetails, RegistryErrorDetails, RegistryErrorEntry } from './errors.js';
