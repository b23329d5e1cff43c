// Copy every tag of a repository into another registry; what fails is told and does not stop the others.
import { collect, RegistryClient } from 'registry-api-v2-client';
import { EmbeddedTransport } from 'registry-api-v2-client/testing';

const [repository = 'team/app'] = process.argv.slice(2);
const from = new RegistryClient({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });
const to = new RegistryClient({ url: 'http://mirror.test', transport: new EmbeddedTransport() });

for await (const tag of from.listTags(repository)) {
  const reference = `${repository}:${tag}`;
  try {
    const { digest, blobs } = await from.copy(reference, reference, { to });
    console.log(`${reference}@${digest}: ${blobs.uploaded} blobs sent, ${blobs.skipped} there already`);
  } catch (error) {
    console.log(`${reference} was not copied:`, error);
    process.exitCode = 1;
  }
}
console.log(`the mirror has the tags ${(await collect(to.listTags(repository))).join(', ')}`);
await Promise.all([from.close(), to.close()]);
