// Take an image out of a registry into an archive that docker load and podman load take.
import { RegistryClient } from 'registry-api-v2-client';

const [source = 'team/app:1.0', file = 'app.tar'] = process.argv.slice(2);
const client = new RegistryClient({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });

const pulled = await client.pull(source, file, {
  format: 'docker',
  onProgress: (event) => {
    if (event.state === 'fetched') console.error(`fetched ${event.descriptor.digest}`);
  },
});

console.log(`${file} holds ${pulled.reference}, ${pulled.size} bytes`);
await client.close();
