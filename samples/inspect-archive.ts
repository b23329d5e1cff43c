// Look into an archive without pushing it: its tags, its images, and whether all of it is sound.
import { TarArchive } from 'registry-api-v2-client';

await using archive = await TarArchive.open(process.argv[2] ?? 'spec/fixtures/docker-20.10-multi-image.tar');

console.log(`tags: ${archive.originalTags.join(', ')}; the first one is`, archive.primaryTag);
for (const image of await archive.inspect()) {
  console.log(
    `${image.os}/${image.architecture} of ${image.created}: ${image.size} bytes in ${image.layers.length} layers`,
  );
}

const { valid, problems } = await archive.validate();
console.log(valid ? 'every layer is what its config says' : problems);
