// Push several archives at once; one that fails does not stop the others, and is told at the end.
import { RegistryClient } from 'registry-api-v2-client';

const archives = process.argv.length > 2 ? process.argv.slice(2) : ['frontend.tar', 'backend.tar'];
const client = new RegistryClient({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });

// One client for all of them: its pushes share connections, processor cores and what is known of layers.
const results = await Promise.allSettled(archives.map((tar) => client.pushOriginalTags(tar)));

results.forEach((result, i) => {
  if (result.status === 'rejected') console.log(`${archives[i]} failed: ${result.reason}`);
  else for (const { reference, digest } of result.value) console.log(`${reference}@${digest}`);
});
await client.close();
