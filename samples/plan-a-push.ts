// Ask what a push would do, without doing it: what would be sent, linked or left, and which tag would move.
import { RegistryClient } from 'registry-api-v2-client';

const [tar = 'app.tar', reference = 'team/app:1.0'] = process.argv.slice(2);
const client = new RegistryClient({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });

// HEAD and GET only, with tokens that allow no more. client.planPushOriginalTags(tar) plans all tags of the archive.
const plan = await client.planPush(tar, reference);

for (const { action, entry, bytes, digest } of plan.blobs) {
  // Large layers that are packed on the way have no digest yet, and their size is that of the unpacked bytes.
  console.log(`${action} ${entry} (${digest === undefined ? 'at most about ' : ''}${bytes} bytes)`);
}

const [tag] = plan.tags;
if (tag?.action === 'keep') console.log(`${tag.reference} has this image already`);
else console.log(`${tag?.reference} would move from ${tag?.before ?? 'nothing'} to ${tag?.digest ?? 'a new image'}`);

const { atLeast, atMost } = plan.requests;
console.log(`${plan.isExact ? '' : 'at most about '}${plan.bytes} bytes in ${atLeast} to ${atMost} requests`);
for (const warning of plan.warnings) console.error(warning);
await client.close();
