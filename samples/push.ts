// Push one image under a name of your own, with progress and a way to cancel.
import { RegistryClient } from 'registry-api-v2-client';

const [tar = 'app.tar', reference = 'team/app:1.0'] = process.argv.slice(2);
const client = new RegistryClient({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });
const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());

const pushed = await client.push(tar, reference, {
  signal: interrupted.signal,
  concurrency: 4,
  onProgress: (event) => {
    if (event.state === 'uploaded') console.error(`sent ${event.blob.entry} as ${event.descriptor.digest}`);
  },
});

console.log(`${pushed.reference}@${pushed.digest}`);
console.log(`${pushed.blobs.uploaded} blobs sent, ${pushed.blobs.skipped} were there, ${pushed.bytesSent} bytes`);
await client.close();
