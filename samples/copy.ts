// Copy an image to another repository, where its layers are linked, and to another registry, where they are streamed.
import { RegistryClient } from 'registry-api-v2-client';
import { EmbeddedTransport } from 'registry-api-v2-client/testing';

const [source = 'team/app:1.0'] = process.argv.slice(2);
const client = new RegistryClient({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });
const backup = new RegistryClient({ url: 'http://backup.test', transport: new EmbeddedTransport() });

const linked = await client.copy(source, 'mirror/app:copy');
console.log(`mirror/app:copy is ${linked.digest}, ${linked.bytesSent} bytes sent`);

const streamed = await client.copy(source, 'mirror/app:copy', { to: backup });
console.log(`the backup has it too: ${streamed.blobs.uploaded} blobs, ${streamed.bytesSent} bytes sent`);

await Promise.all([client.close(), backup.close()]);
