// Work with single blobs: store bytes under their digest, store a stream that gets its digest on the way, read one back.
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { digestOf, RegistryClient } from 'registry-api-v2-client';

const [repository = 'team/blobs', file = 'package.json'] = process.argv.slice(2);
const client = new RegistryClient({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });

const data = Buffer.from('{"hello": "world"}');
const descriptor = { mediaType: 'application/json', digest: digestOf(data), size: data.length };
const { outcome } = await client.blobs.push(repository, { descriptor, open: () => Readable.from([data]) });
console.log(`${descriptor.digest}: ${outcome}`);

const streamed = await client.blobs.pushStream(repository, {
  mediaType: 'application/octet-stream',
  open: () => createReadStream(file),
});
console.log(`${file} is ${streamed.descriptor.digest}, ${streamed.descriptor.size} bytes`);

console.log('there:', await client.blobs.exists(repository, descriptor.digest));
console.log('reads', (await client.blobs.read(repository, descriptor)).toString());
await client.close();
