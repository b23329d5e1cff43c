// npm run bench [-- GiB …]: pushes images of 1 and 4 GiB into a real registry, cold, and prints time, peak memory and bytes sent.
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeBigImage } from './big-image.mjs';
import { measure } from './measure.mjs';
import { startRegistry } from './registry.mjs';

const sizes = process.argv.slice(2).map(Number);
if (sizes.length === 0) sizes.push(1, 4);

const folder = await mkdtemp(join(tmpdir(), 'bench-'));
try {
  const rows = [];
  for (const size of sizes) rows.push(...(await pushRows(size)));
  console.table(rows);
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function pushRows(gib) {
  const tar = join(folder, `${gib}.tar`);
  console.error(`writing an image of ${gib} GiB`);
  await writeBigImage(tar, gib * 2 ** 30);
  const rows = [];
  for (const compression of ['gzip', 'none']) rows.push(await pushRow(tar, compression));
  await rm(tar);
  return rows;
}

async function pushRow(tar, compression) {
  const registry = await startRegistry();
  try {
    const args = [
      'dist/cli/main.js',
      'push',
      tar,
      `${registry.host}/bench/app:1`,
      '--compression',
      compression,
      '--json',
      '--quiet',
    ];
    console.error(`pushing ${tar} with ${compression} to ${registry.name}`);
    const { seconds, peak, stdout } = await measure(process.execPath, args);
    const [pushed] = JSON.parse(stdout);
    return {
      archive: megabytes((await stat(tar)).size),
      compression,
      seconds: seconds.toFixed(1),
      'peak RSS': megabytes(peak),
      'bytes sent': megabytes(pushed.bytesSent),
    };
  } finally {
    await registry.stop();
  }
}

function megabytes(bytes) {
  return `${Math.round(bytes / 1e6)} MB`;
}
