// Push every image of an archive under the tags it was saved with, moved below a prefix.
import { parseRepositoryTag, RegistryClient } from 'registry-api-v2-client';

const [tar = 'app.tar', prefix = 'mirror'] = process.argv.slice(2);
const client = new RegistryClient({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });

const pushed = await client.pushOriginalTags(tar, {
  // registry.example.com/team/app:1.2 → mirror/team/app:1.2
  rename: (original) => {
    const { repository, tag } = parseRepositoryTag(original);
    return `${prefix}/${repository}:${tag}`;
  },
});

for (const { reference, digest } of pushed) console.log(`${reference}@${digest}`);
await client.close();
