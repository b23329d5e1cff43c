// The main job in one go: push an archive under all its tags, then list, inspect and read back what is there.
// `npm start` uses a fixture and a registry in memory; `npm start -- my.tar http://host:5000` your own.
import { collect, RegistryClient } from 'registry-api-v2-client';
import { RegistryServer } from 'registry-api-v2-client/testing';

const [tar = 'spec/fixtures/docker-20.10-multi-tag.tar', address] = process.argv.slice(2);
const server = address === undefined ? await RegistryServer.start() : undefined;
const url = address ?? server!.url;
const client = new RegistryClient({ url });

try {
  await client.checkConnectivity();
  console.log(`pushing ${tar} to ${url}`);
  const pushed = await client.pushOriginalTags(tar, {
    onProgress: (event) => {
      if (event.state === 'planned') console.log(`  ${event.blobs} blobs, ${event.bytes} bytes`);
      if ('repository' in event) console.log(`  ${event.state} ${event.descriptor.digest} in ${event.repository}`);
    },
  });

  for (const { reference, digest, size } of pushed) console.log(`${reference}@${digest} (${size} bytes)`);

  for (const repository of new Set(pushed.map((image) => image.repository))) {
    const tags = await collect(client.listTags(repository));
    console.log(`${repository} has the tags ${tags.join(', ')}`);
  }

  await using archive = await client.openArchive(tar);
  for (const image of await archive.inspect()) {
    console.log(`${image.os}/${image.architecture}, ${image.layers.length} layers, config ${image.config.digest}`);
  }
} finally {
  await client.close();
  await server?.close();
}
