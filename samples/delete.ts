// Delete one tag, or an image with every tag that points to it, after hearing which those are.
import { InvalidArgumentError, RegistryClient } from 'registry-api-v2-client';

const [repository = 'team/app', tag = '1.0'] = process.argv.slice(2);
const client = new RegistryClient({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });
await client.tag(repository, tag, 'same');
await client.tag(repository, tag, 'other');

// Registries before distribution 3 cannot delete a single tag; with `fallback` it is done through an image of its own.
await client.deleteTag(repository, 'other', { fallback: true });

try {
  await client.deleteImage(repository, tag);
} catch (error) {
  if (!(error instanceof InvalidArgumentError)) throw error;
  console.log(error.message);
}
const { digest, untagged } = await client.deleteImage(repository, tag, { force: true });
console.log(`deleted ${digest} with its tags ${untagged.join(', ')}`);
await client.close();
