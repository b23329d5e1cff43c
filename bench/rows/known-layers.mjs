// What the rows of images that the registry has, all or most of, have in common: each push is timed straight at the registry, then
// repeated through the counting proxy, and once more under strace.
import { countReads } from '../tar-reads.mjs';
import { memory } from '../tools.mjs';

/**
 * @param tools each with `forgets`: whether it starts with an empty folder, or with what it kept of the first push
 * @param next the tar of the second push, and the repository that it goes to
 */
export async function compareKnown(setting, tools, first, next) {
  const contenders = [];
  for (const tool of tools) contenders.push(await contenderOf(setting, tool, first, next));
  const lines = await setting.compare(contenders);
  const counted = [];
  for (const [index, { count }] of contenders.entries()) counted.push({ ...lines[index], ...(await count()) });
  return counted;
}

async function contenderOf(setting, tool, first, next) {
  const { host, counter } = setting;
  const repository = setting.repository();
  const kept = await setting.home();
  await setting.push(tool, first, `${host}/${repository}:1`, kept);
  // skopeo remembers by the registry's name, and the proxy has another one.
  if (!tool.forgets) await setting.push(tool, first, `${counter.host}/${repository}:1`, kept);
  const second = async (through) => {
    const home = await setting.home(tool.forgets ? undefined : kept);
    const { tar, target } = await next(repository);
    return { tar, home, reference: `${through}/${target}:${setting.fresh('v')}` };
  };
  return {
    who: tool.who,
    async run() {
      const { tar, reference, home } = await second(host);
      const { seconds, cpu, rss } = await setting.push(tool, tar, reference, home);
      return { seconds, cpu, rss };
    },
    async count() {
      const counting = await second(counter.host);
      counter.take();
      await setting.push(tool, counting.tar, counting.reference, counting.home);
      const { requests, sent } = counter.take();
      const { tar, reference, home } = await second(host);
      const read = await countReads(tar, tool.push(tar, reference), memory(home));
      return { requests: requests.length, sent, read };
    },
  };
}

/** skopeo with and without what it remembers, the others without; those that compress everything again are left out of a quick run. */
export function toolsOf({ peers: { crane, skopeo }, gzips, options }) {
  return [
    crane && !options.quick && { ...crane, forgets: true },
    skopeo && !options.quick && { ...skopeo, forgets: true },
    skopeo && { ...skopeo, who: 'skopeo, with its cache' },
    ...gzips.map((tool) => ({ ...tool, forgets: true })),
  ].filter(Boolean);
}
