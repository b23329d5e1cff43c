// Writes docs/cli.md from the definitions of the command line: npm run docs:cli.
import { rm, writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { renderManual } from './cli-manual.mjs';

// The definitions only: what runs a command is loaded when it runs, and here none does.
const definitions = `build/cli-definitions-${process.pid}.mjs`;
try {
  await build({
    entryPoints: ['lib/cli/program.ts'],
    outfile: definitions,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    external: ['./commands/*', './describe-error.js'],
  });
  const { createProgram } = await import(pathToFileURL(definitions).href);
  const nobody = { stdout: () => undefined, stderr: () => undefined, stdoutStream: {}, env: {} };
  await writeFile('docs/cli.md', renderManual(createProgram(nobody)));
} finally {
  await rm(definitions, { force: true });
}
