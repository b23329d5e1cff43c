// Time and memory of a cold push as bytes grow, and as layers do.
import { rm } from 'node:fs/promises';
import { imageOf, imageOfLayers } from '../big-image.mjs';
import { bars, megabytes, precise } from '../figures.mjs';

export const title = 'Growth of a cold push';

const LAYER = 256 * 1024;

export async function run(setting) {
  const sizes = [1, 2, 4, 8].map((times) => ({ times, label: megabytes(times * setting.options.bytes) }));
  const counts = [10, 100, 1000].map((times) => ({ times, label: `${times} layers` }));
  const bytes = await points(setting, sizes, ({ times }) => imageOf(times * setting.options.bytes));
  const layers = await points(setting, counts, ({ times }) => imageOfLayers(times, LAYER));
  const size = megabytes(setting.options.bytes);
  return `${chart(`In bytes, each ${size}`, bytes)}\n\n${chart(`In layers, each ${megabytes(LAYER)}`, layers)}`;
}

async function points(setting, steps, imageAt) {
  const tool = setting.ours();
  const measured = [];
  for (const step of steps) {
    const tar = imageAt(step);
    const [line] = await setting.compare([{ who: step.label, run: () => setting.coldPush(tool, tar) }]);
    if (tar !== setting.image()) await rm(tar);
    measured.push({ ...step, ...line });
  }
  return measured;
}

function chart(heading, measured) {
  const drawn = measured.map(({ label, times, seconds, rss }) => ({
    label,
    value: seconds,
    text: `${precise(seconds)} s, ${precise(seconds / times)} s each, ${megabytes(rss)}`,
  }));
  return `${heading}:\n\n${bars(drawn)}`;
}
