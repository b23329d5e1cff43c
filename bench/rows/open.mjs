// Opening an archive of 10 GB and 60 entries, in-process.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { sparseImage } from '../big-image.mjs';

export const title = 'Opening 10 GB of 60 entries';
export const goals = [
  { who: 'ours, first of a process', most: 0.02 },
  { who: 'ours, in a process that runs', most: 0.02 },
];

const SCRIPT = fileURLToPath(new URL('../in-process.mjs', import.meta.url));

export async function run(setting) {
  const tar = sparseImage(10e9, 60);
  const samples = [];
  for (let i = 0; i < setting.options.runs; i++) {
    const { stdout } = await promisify(execFile)(setting.options.node, [SCRIPT, 'open', tar]);
    samples.push(JSON.parse(stdout));
  }
  const { compare } = setting;
  const take = (figure) => {
    let i = 0;
    return async () => ({ seconds: samples[i++][figure] });
  };
  return compare.call(setting, [
    { who: 'ours, first of a process', run: take('first') },
    { who: 'ours, in a process that runs', run: take('later') },
  ]);
}
