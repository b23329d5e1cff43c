// The most memory of a push, of an image and of one ten times its size.
import { rm } from 'node:fs/promises';
import { imageOf } from '../big-image.mjs';

export const title = 'Memory and size';
const KINDS = ['igzip', 'builtin', 'none', 'builtin, from a pipe'];
export const goals = KINDS.flatMap((kind) => [
  { who: `ours, ${kind}, × 10`, figure: 'rss', times: 1.1, of: `ours, ${kind}` },
  { who: `ours, ${kind}`, figure: 'rss', times: 1.1, of: `ours, ${kind}, × 10` },
]);

export async function run(setting) {
  const lines = await pushes(setting, setting.image(), '');
  const tar = imageOf(10 * setting.options.bytes);
  try {
    return [...lines, ...(await pushes(setting, tar, ', × 10', 1))];
  } finally {
    await rm(tar);
  }
}

function pushes(setting, tar, suffix, runs) {
  const tools = [...setting.gzips, setting.ours('none', ['--compression', 'none'])];
  const piped = setting.ours('builtin, from a pipe', ['--compressor', 'builtin']);
  return setting.compare(
    [
      ...tools.map((tool) => ({ who: `${tool.who}${suffix}`, run: () => setting.coldPush(tool, tar) })),
      { who: `${piped.who}${suffix}`, run: () => setting.coldPush(piped, '-', { stdin: tar }) },
    ],
    runs,
  );
}
