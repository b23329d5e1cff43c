/** Names of what the container holds; shared by every copy of this package. */
export const TOKENS = {
  Options: Symbol.for('registry-api-v2-client.Options'),
  Transport: Symbol.for('registry-api-v2-client.Transport'),
  BlobService: Symbol.for('registry-api-v2-client.BlobService'),
  ManifestService: Symbol.for('registry-api-v2-client.ManifestService'),
  RepositoryService: Symbol.for('registry-api-v2-client.RepositoryService'),
  TarArchive: Symbol.for('registry-api-v2-client.TarArchive'),
} as const;
