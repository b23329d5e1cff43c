// Give an image another tag without moving a layer, and store a manifest of your own making.
import { isIndex, RegistryClient } from 'registry-api-v2-client';

const [repository = 'team/app', tag = '1.0'] = process.argv.slice(2);
const client = new RegistryClient({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });

const { digest } = await client.tag(repository, tag, 'stable');
console.log(`${repository}:stable is ${digest}`);

const { manifest } = await client.getManifest(repository, tag);
if (!isIndex(manifest)) {
  const annotated = { ...manifest, annotations: { 'org.opencontainers.image.title': 'the stable one' } };
  await client.pushManifest(repository, 'annotated', annotated);
}

console.log((await client.resolve(repository, 'annotated'))?.digest ?? 'there is no such tag');
await client.close();
