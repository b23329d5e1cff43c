// Push the next version of an image, whose packed base layers another repository has: they are linked, not sent.
import { RegistryClient } from 'registry-api-v2-client';

const [tar = 'spec/fixtures/skopeo-oci-archive.tar', base = 'team/base', reference = 'team/app:1.1'] =
  process.argv.slice(2);
const client = new RegistryClient({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });
await client.push(tar, base);

const { blobs } = await client.push(tar, reference, { mountFrom: base });
console.log(`${blobs.mounted} linked, ${blobs.uploaded} sent, ${blobs.skipped} there already`);
await client.close();
