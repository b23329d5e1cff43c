// Layers as they are, against curl with the same bytes as one blob: what the wire and the registry's own hashing allow.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { measure } from '../measure.mjs';
import { find } from '../tools.mjs';

export const title = 'Cold push, plain layers';
export const against = ['curl, one PUT'];
export const goals = [{ who: 'ours, none', times: 1.05, of: 'curl, one PUT' }];

export async function run(setting) {
  const tar = setting.image();
  const plain = setting.ours('none', ['--compression', 'none']);
  const contenders = [{ who: plain.who, run: () => setting.coldPush(plain, tar) }];
  const curl = await find('curl');
  if (curl) contenders.unshift(await curlOf(curl, setting, tar));
  return setting.compare(contenders);
}

/** The POST before is not timed. curl would wait a second for `100 Continue`, which not every registry says. */
async function curlOf(curl, setting, tar) {
  const digest = await digestOf(tar);
  const run = async () => {
    const uploads = `http://${setting.host}/v2/${setting.repository()}/blobs/uploads/`;
    const { headers } = await fetch(uploads, { method: 'POST' });
    const url = `${headers.get('location')}&digest=${digest}`;
    const { seconds, cpu, rss } = await measure([curl, '-sS', '--fail', '-H', 'Expect:', '-T', tar, url]);
    return { seconds, cpu, rss };
  };
  return { who: 'curl, one PUT', run };
}

async function digestOf(path) {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}
