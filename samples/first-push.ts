// The shortest push there is: every image of an archive, under the tags it was saved with.
import { RegistryClient } from 'registry-api-v2-client';

const client = new RegistryClient({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });
const pushed = await client.pushOriginalTags(process.argv[2] ?? 'app.tar');
for (const { reference, digest } of pushed) console.log(`${reference}@${digest}`);
await client.close();
