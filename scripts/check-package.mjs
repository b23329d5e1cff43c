// Packs what would be published and judges it: publint, are-the-types-wrong, and its size. `npm run build` goes first.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/**
 * What a user downloads and keeps. They have some room: who goes over one asks first whether it is worth it, and then raises it
 * here, in the same commit.
 */
const BOUNDS = { tarballBytes: 1_150_000, unpackedBytes: 4_000_000, files: 900, installedPackages: 55 };

const TOOLS = [
  ['publint/src/cli.js', '--strict'],
  // The rule dates from when `require` could not load ESM. Every Node we support can, and spec/packaging does it.
  ['@arethetypeswrong/cli/dist/index.js', '--profile', 'node16', '--ignore-rules', 'cjs-resolves-to-esm', '--no-color'],
];

const folder = await mkdtemp(join(tmpdir(), 'package-'));
try {
  const packed = await pack();
  for (const [script, ...args] of TOOLS) await judge(`node_modules/${script}`, [packed.path, ...args]);
  compare({
    tarballBytes: packed.size,
    unpackedBytes: packed.unpackedSize,
    files: packed.entryCount,
    installedPackages: await installedPackages(),
  });
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** Without scripts, because `prepack` would build again and take dist from under whoever reads it. */
async function pack() {
  const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
  const { stdout } = await promisify(execFile)('npm', args, { maxBuffer: 2 ** 25 });
  // npm 12 gives an object by name instead of a list.
  const [packed] = Object.values(JSON.parse(stdout));
  return { ...packed, path: join(folder, packed.filename) };
}

async function judge(script, args) {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [script, ...args]);
    console.log(stdout.trim());
  } catch (error) {
    console.error(`${error.stdout ?? ''}${error.stderr ?? error.message}`);
    process.exitCode = 1;
  }
}

function compare(figures) {
  for (const [name, bound] of Object.entries(BOUNDS)) {
    const isOver = !(figures[name] <= bound);
    console.log(`${name}: ${figures[name]} (at most ${bound})${isOver ? ' IS OVER ITS BOUND' : ''}`);
    if (isOver) process.exitCode = 1;
  }
}

/** This package, and all that its dependencies bring, as the lock file has them. */
async function installedPackages() {
  const { packages } = JSON.parse(await readFile('package-lock.json', 'utf8'));
  return Object.values(packages).filter(({ dev }) => dev !== true).length;
}
