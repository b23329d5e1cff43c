// Look at an image in a registry: its platforms, its layers, what it runs, and its manifest as it is.
import { isIndex, RegistryClient, shortDigest } from 'registry-api-v2-client';

const [repository = 'team/app', tag = '1.0'] = process.argv.slice(2);
const client = new RegistryClient({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });

const info = await client.getImageInfo(repository, tag);
for (const { os, architecture, created, size, layers } of info.platforms) {
  console.log(`${os}/${architecture}, ${layers.length} layers, ${size} bytes, created ${created}`);
}
console.log('runs', [...info.entrypoint, ...info.cmd], 'with', info.env, info.labels);

const { manifest, descriptor } = await client.getManifest(repository, tag, { timeout: 5000 });
console.log(
  `${shortDigest(descriptor.digest)} is ${isIndex(manifest) ? 'an index' : 'an image'} of ${descriptor.size} bytes`,
);
await client.close();
