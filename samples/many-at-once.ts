// Ask for many things at once: the client bounds its connections, and one broken image does not hide the others.
import { collect, RegistryClient } from 'registry-api-v2-client';

const client = new RegistryClient({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });

const repositories = await collect(client.listRepositories());
const tags = await Promise.all(repositories.map((repository) => collect(client.listTags(repository))));
repositories.forEach((repository, i) => console.log(`${repository}: ${tags[i]?.length} tags`));

for await (const { repository, tag, ...found } of client.listImages({ concurrency: 16 })) {
  const what = 'info' in found ? `${found.info.size} bytes` : found.error.message;
  console.log(`${repository}:${tag} ${what}`);
}
await client.close();
