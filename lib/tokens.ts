/** Names of what the container holds; shared by every copy of this package. */
export const TOKENS = {
  /** `ResolvedOptions`. */
  Options: Symbol.for('registry-api-v2-client.Options'),
  /** What services send with: redirects, credentials and retries included. A `Transport`. */
  Transport: Symbol.for('registry-api-v2-client.Transport'),
  /** Sends single requests, unsigned; shared by all chains of transports above it. */
  BottomTransport: Symbol.for('registry-api-v2-client.BottomTransport'),
  /** Asks mirrors first. The same as `Transport` where there are none. */
  ReadingTransport: Symbol.for('registry-api-v2-client.ReadingTransport'),
  /** Blobs and manifests, to be read by way of `ReadingTransport`. */
  ReadServices: Symbol.for('registry-api-v2-client.ReadServices'),
  /** A `BlobService` for writing, and for reading where there are no mirrors. */
  BlobService: Symbol.for('registry-api-v2-client.BlobService'),
  /** A `ManifestService` for writing, and for reading where there are no mirrors. */
  ManifestService: Symbol.for('registry-api-v2-client.ManifestService'),
  /** A `RepositoryService`. */
  RepositoryService: Symbol.for('registry-api-v2-client.RepositoryService'),
  /** The class that archives are opened with: `TarArchive`, not an object of it. */
  TarArchive: Symbol.for('registry-api-v2-client.TarArchive'),
} as const;
