// Print the configuration of an image byte for byte, whose sha256 is the image's id, with everything docker wrote in it.
import { isIndex, RegistryClient } from 'registry-api-v2-client';

const [repository = 'team/app', tag = '1.0', platform = 'linux/amd64'] = process.argv.slice(2);
const client = new RegistryClient({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });

const { manifest } = await client.getManifest(repository, tag, { platform });
if (isIndex(manifest)) throw new Error('an index has one configuration for each platform');
const config = await client.blobs.read(repository, manifest.config);

console.error(`${manifest.config.digest}, ${config.length} bytes`);
process.stdout.write(config);
await client.close();
