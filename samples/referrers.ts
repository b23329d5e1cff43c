// Attach an SBOM to an image and list what refers to it; works with and without the registry's own API for that.
import { Readable } from 'node:stream';
import { digestOf, MediaType, RegistryClient } from 'registry-api-v2-client';

const [repository = 'team/app', tag = '1.0'] = process.argv.slice(2);
const client = new RegistryClient({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });

const upload = async (mediaType: string, content: string) => {
  const bytes = Buffer.from(content);
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  await client.blobs.push(repository, { descriptor, open: () => Readable.from([bytes]) });
  return descriptor;
};

const subject = await client.resolve(repository, tag);
if (!subject) throw new Error(`there is no ${repository}:${tag}`);
const artifactType = 'application/spdx+json';
const [config, sbom] = await Promise.all([
  upload(MediaType.ociEmpty, '{}'),
  upload(artifactType, '{"spdxVersion":"3"}'),
]);
const manifest = {
  schemaVersion: 2 as const,
  mediaType: MediaType.ociManifest,
  artifactType,
  config,
  layers: [sbom],
  subject,
};
const { digest } = await client.pushManifest(repository, 'sbom', manifest);
console.log(`attached ${digest}`);

for await (const referrer of client.listReferrers(repository, tag, { artifactType })) {
  console.log(`${referrer.artifactType} ${referrer.digest}`);
}
await client.close();
