// Extend by subclassing: a blob service that writes down everything it stores. No decorator, one line to plug it in.
import {
  type BlobContent,
  type BlobPushOptions,
  BlobService,
  type PushedBlob,
  RegistryClient,
} from 'registry-api-v2-client';
import { EmbeddedTransport } from 'registry-api-v2-client/testing';

class AuditedBlobService extends BlobService {
  static readonly entries: string[] = [];

  override async push(repository: string, content: BlobContent, options?: BlobPushOptions): Promise<PushedBlob> {
    const pushed = await super.push(repository, content, options);
    AuditedBlobService.entries.push(`${pushed.outcome} ${pushed.descriptor.digest} in ${repository}`);
    return pushed;
  }
}

const client = new RegistryClient({
  url: process.env.REGISTRY_URL ?? 'http://registry.test',
  ...(process.env.REGISTRY_URL ? {} : { transport: new EmbeddedTransport() }),
  services: { blobs: AuditedBlobService },
});

await client.push(process.argv[2] ?? 'spec/fixtures/skopeo-oci-archive.tar', 'audited/app:1');
console.log(AuditedBlobService.entries.sort().join('\n'));
await client.close();
