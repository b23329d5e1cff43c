// List what a registry holds, page by page, and read a manifest.
import { RegistryClient, UnsupportedError } from 'registry-api-v2-client';

const client = new RegistryClient({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });

try {
  for await (const repository of client.listRepositories({ pageSize: 100 })) {
    for await (const tag of client.listTags(repository)) {
      const { descriptor } = await client.getManifest(repository, tag);
      console.log(`${repository}:${tag} ${descriptor.digest}`);
    }
  }
} catch (error) {
  // Registries shared by many users have no catalog.
  if (!(error instanceof UnsupportedError)) throw error;
  console.log(error.message);
}
await client.close();
