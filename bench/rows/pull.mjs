// An image out of the registry, into an archive that docker load takes.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { measure } from '../measure.mjs';
import { memory } from '../tools.mjs';

export const title = 'Pull to a docker tar';
export const against = ['crane', 'skopeo'];
export const goals = [{ who: 'ours', times: 1.1, of: 'crane' }];

export async function run(setting) {
  const reference = `${setting.host}/${setting.repository()}:1`;
  await setting.push(setting.ours(), setting.image(), reference, await setting.home());
  const tools = [...Object.values(setting.peers), setting.ours()];
  return setting.compare(tools.map((tool) => ({ who: tool.who, run: () => pull(setting, tool, reference) })));
}

async function pull(setting, tool, reference) {
  const file = join(setting.folder, setting.fresh('pulled'));
  const { seconds, cpu, rss } = await measure(tool.pull(reference, file), { env: memory(await setting.home()) });
  await rm(file);
  return { seconds, cpu, rss };
}
