// The same image under another tag of its repository, by a machine that remembers nothing.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { compareKnown, toolsOf } from './known-layers.mjs';

export const title = 'Same image, new tag, empty cache';
export const against = ['crane', 'skopeo', 'skopeo, with its cache'];
export const goals = [
  ...['ours, igzip', 'ours, builtin'].flatMap((who) => [
    { who, most: 0.25 },
    { who, figure: 'requests', most: 8 },
    // Headers, the names, the configuration and a few bytes of each layer to see what it is packed with.
    { who, figure: 'read', most: 64 * 1024 },
  ]),
  { who: 'ours, in a process that runs', most: 0.025 },
];

const SCRIPT = fileURLToPath(new URL('../in-process.mjs', import.meta.url));

export async function run(setting) {
  const tar = setting.image();
  const lines = await compareKnown(setting, toolsOf(setting), tar, (repository) => ({ tar, target: repository }));
  return [...lines, ...(await inProcess(setting, tar))];
}

async function inProcess(setting, tar) {
  const repository = setting.repository();
  await setting.push(setting.ours(), tar, `${setting.host}/${repository}:1`, await setting.home());
  const args = [SCRIPT, 'push', tar, `${setting.host}/${repository}`, await setting.home()];
  const { stdout } = await promisify(execFile)(setting.options.node, args);
  const { first, later } = JSON.parse(stdout);
  return [
    { who: 'ours, first of a process', seconds: first },
    { who: 'ours, in a process that runs', seconds: later },
  ];
}
