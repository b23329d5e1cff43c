// What programs do that run crane or skopeo and read their output: look, push if needed, tag, list, with errors that have a type.
import { collect, NotFoundError, RegistryClient } from 'registry-api-v2-client';

const [tar = 'app.tar', repository = 'team/app', version = '1.0'] = process.argv.slice(2);
const client = new RegistryClient({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });

const before = await client.resolve(repository, version);
console.log(before === undefined ? 'not there yet' : `there is ${before.digest}`);

const { digest } = await client.push(tar, `${repository}:${version}`);
await client.tag(repository, version, 'latest');
const tags = await collect(client.listTags(repository));
console.log(`${repository}@${digest} has the tags ${tags.sort().join(', ')}`);

try {
  await client.getManifest(repository, 'no-such-tag');
} catch (error) {
  if (!(error instanceof NotFoundError)) throw error;
  console.log(`${error.status} ${error.code}: ${error.message}`);
}
await client.close();
