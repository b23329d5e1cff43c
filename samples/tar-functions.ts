// Ask one thing of an archive, without a registry: its tags, its manifest.json, whether it is whole, what is in it.
import {
  extractOriginalTags,
  getPrimaryTag,
  getTarManifest,
  inspectDockerTar,
  parseRepositoryTag,
  validateDockerTar,
} from 'registry-api-v2-client';

const tar = process.argv[2] ?? 'spec/fixtures/docker-20.10-multi-tag.tar';

if (!(await validateDockerTar(tar))) throw new Error(`${tar} is not a valid image archive`);
for (const tag of await extractOriginalTags(tar)) console.log(tag, parseRepositoryTag(tag));
console.log('first of all', await getPrimaryTag(tar));
console.log('manifest.json lists', (await getTarManifest(tar)).length, 'image');
for (const { os, architecture, size, layers } of await inspectDockerTar(tar)) {
  console.log(`${os}/${architecture}, ${layers.length} layers, ${size} bytes`);
}
