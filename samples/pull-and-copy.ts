// Take an image out of a registry into an archive, copy it to another repository, look at it, and delete one tag.
import { RegistryClient } from 'registry-api-v2-client';

const [source = 'team/app:1.0', file = 'app.tar'] = process.argv.slice(2);
const client = new RegistryClient({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });

const pulled = await client.pull(source, file, { format: 'docker' });
console.log(`${file} holds ${pulled.reference}, ${pulled.size} bytes`);

const copied = await client.copy(source, 'mirror/app:copy');
console.log(
  `mirror/app:copy is ${copied.digest}, ${copied.blobs.mounted + copied.blobs.skipped} blobs without sending a byte`,
);

const { os, architecture, created, layers } = await client.getImageInfo('mirror/app', 'copy');
console.log(`${os}/${architecture}, ${layers.length} layers, created ${created}`);

// Registries before distribution 3 cannot delete a single tag; with `fallback` it is done through an image of its own.
await client.deleteTag('mirror/app', 'copy', { fallback: true });
await client.close();
