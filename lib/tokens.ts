/** Names of what the container holds; shared by every copy of this package. */
export const TOKENS = {
  Options: Symbol.for('registry-api-v2-client.Options'),
  Transport: Symbol.for('registry-api-v2-client.Transport'),
  /** Sends single requests, unsigned; shared by all chains of transports above it. */
  BottomTransport: Symbol.for('registry-api-v2-client.BottomTransport'),
  /** Asks mirrors first. The same as `Transport` where there are none. */
  ReadingTransport: Symbol.for('registry-api-v2-client.ReadingTransport'),
  /** Blobs and manifests, to be read by way of `ReadingTransport`. */
  ReadServices: Symbol.for('registry-api-v2-client.ReadServices'),
  BlobService: Symbol.for('registry-api-v2-client.BlobService'),
  ManifestService: Symbol.for('registry-api-v2-client.ManifestService'),
  RepositoryService: Symbol.for('registry-api-v2-client.RepositoryService'),
  TarArchive: Symbol.for('registry-api-v2-client.TarArchive'),
} as const;
