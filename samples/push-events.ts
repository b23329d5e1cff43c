// Follow a push with `for await`, and stop it when it takes too long.
import { RegistryClient } from 'registry-api-v2-client';

const [tar = 'app.tar', reference = 'team/app:1.0'] = process.argv.slice(2);
await using client = new RegistryClient({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });
const deadline = Date.now() + 10 * 60_000;

// It has started, and runs at its own speed: of the counts of a blob you get the latest, of everything else all.
const pushing = client.withEvents.push(tar, reference);
for await (const event of pushing) {
  if (event.state === 'planned') console.log(`${event.blobs} blobs, ${event.bytes} bytes`);
  if (event.state === 'progress') console.log(`${event.blob.entry}: ${event.read} of ${event.blob.size} bytes read`);
  if (event.state === 'uploaded') console.log(`${event.blob.entry} is there`);
  // Leaving the loop aborts the push; what it fails with, the loop throws.
  if (Date.now() > deadline) break;
}

const pushed = await pushing.result;
console.log(`${pushed.reference}@${pushed.digest}`);
