// The public surface as text, so that a change of it shows in a review: `npm run api` compares it with api/*.api.md, and
// `npm run api:update` writes them. One file for each entry point; comments and private members are left out.
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { reportsOf } from './api/reports.mjs';

const TYPES = 'build/types';
const ENTRIES = { index: 'index.d.ts', container: 'container.d.ts', testing: 'testing/index.d.ts' };

const update = process.argv.includes('--update');
await emitTypes();
const entries = Object.fromEntries(Object.entries(ENTRIES).map(([name, path]) => [name, `${TYPES}/${path}`]));
for (const [name, report] of Object.entries(reportsOf(entries))) await (update ? write : compare)(name, report);
if (process.exitCode) {
  process.stderr.write('If that is meant: `npm run api:update`, and a line in CHANGELOG.md.\n');
}

/** Of their own, not those in dist: specs that run meanwhile need dist as it is. */
async function emitTypes() {
  const args = [
    '-p',
    'tsconfig.build.json',
    '--emitDeclarationOnly',
    '--sourceMap',
    'false',
    '--inlineSources',
    'false',
    '--outDir',
    TYPES,
  ];
  try {
    await promisify(execFile)(process.execPath, ['node_modules/typescript/bin/tsc', ...args]);
  } catch (error) {
    process.stderr.write(error.stdout || `${error.message}\n`);
    process.exit(1);
  }
}

async function write(name, report) {
  await mkdir('api', { recursive: true });
  await writeFile(fileOf(name), report);
}

async function compare(name, report) {
  const written = await readFile(fileOf(name), 'utf8').catch(() => '');
  if (written === report) return;
  process.exitCode = 1;
  const [before, now] = [written, report].map((text) => text.split('\n'));
  const lines = [
    ...before.filter((line) => !now.includes(line)).map((line) => `- ${line}`),
    ...now.filter((line) => !before.includes(line)).map((line) => `+ ${line}`),
  ];
  process.stderr.write(`${fileOf(name)} is not what the sources say:\n${lines.join('\n') || 'lines moved'}\n`);
}

function fileOf(name) {
  return `api/${name}.api.md`;
}
