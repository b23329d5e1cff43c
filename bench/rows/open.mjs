// Opening an archive of 10 GB and 60 entries, in-process.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { sparseImage } from '../big-image.mjs';
import { summarize } from '../figures.mjs';

export const title = 'Opening 10 GB of 60 entries';
export const goals = [
  { who: 'ours, first of a process', most: 0.02 },
  { who: 'ours, in a process that runs', most: 0.02 },
];

const SCRIPT = fileURLToPath(new URL('../in-process.mjs', import.meta.url));

export async function run(setting) {
  const tar = sparseImage(10e9, 60);
  const samples = { first: [], later: [] };
  for (let i = 0; i < setting.options.runs; i++) {
    const { stdout } = await promisify(execFile)(setting.options.node, [SCRIPT, 'open', tar]);
    for (const [when, seconds] of Object.entries(JSON.parse(stdout))) samples[when].push({ seconds });
  }
  return [
    { who: 'ours, first of a process', ...summarize(samples.first) },
    { who: 'ours, in a process that runs', ...summarize(samples.later) },
  ];
}
