// node bench/in-process.mjs open <tar> | push <tar> <repository> <folder>: the same call of the library eleven times; prints the
// seconds of the first and the median of the others as JSON. Loading the library is not timed.
import { join } from 'node:path';
import { RegistryClient, TarArchive } from '../dist/index.js';
import { median } from './figures.mjs';

const [what, tar, repository, folder] = process.argv.slice(2);

const [first, ...later] = await timesOf({ open, push }[what]);
console.log(JSON.stringify({ first, later: median(later) }));

async function open() {
  const archive = await TarArchive.open(tar);
  await archive.close();
}

/** A client that remembers nothing of the push before. */
async function push(round) {
  process.env.XDG_CACHE_HOME = join(folder, String(round));
  const client = new RegistryClient({ url: `http://${repository.split('/')[0]}` });
  await client.push(tar, `${repository}:in-process-${round}`);
  await client.close();
}

async function timesOf(work) {
  const seconds = [];
  for (let round = 0; round < 11; round++) {
    const start = performance.now();
    await work(round);
    seconds.push((performance.now() - start) / 1000);
  }
  return seconds;
}
