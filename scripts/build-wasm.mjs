// The WebAssembly of assembly/ as a module of lib/, so that neither specs nor users need a step or a file more: `npm run wasm`
// compares it with the sources, and `npm run wasm:update` writes it.
import { readFile, writeFile } from 'node:fs/promises';
import asc from 'assemblyscript/asc';

const SOURCE = 'assembly/deflate.ts';
const TARGET = 'lib/compression/deflate-module.ts';
/** Where the module's own data goes, and how much memory it has in pages of 64 KiB. */
const DATA = await constantOf('assembly/memory.ts', 'DATA');
const PAGES = await constantOf('lib/compression/deflate-engine.ts', 'PAGES');

const module = moduleOf(await compile());
if (process.argv.includes('--update')) await writeFile(TARGET, module);
else if ((await readFile(TARGET, 'utf8').catch(() => '')) !== module) {
  process.stderr.write(`${TARGET} is not what assembly/ says: \`npm run wasm:update\`\n`);
  process.exitCode = 1;
}

/** A number as the source of one file says it, so that no other file has to. */
async function constantOf(path, name) {
  const [, value] = new RegExp(`\\bconst ${name}\\b[^=\\n]*= (\\w+);`).exec(await readFile(path, 'utf8')) ?? [];
  if (value === undefined) throw new Error(`${path} has no constant ${name}`);
  return String(Number(value));
}

async function compile() {
  const memory = ['--importMemory', '--sharedMemory', '--initialMemory', PAGES, '--maximumMemory', PAGES];
  const size = ['--runtime', 'stub', '--noAssert', '--memoryBase', DATA];
  const options = ['-O3', '--converge', '--enable', 'threads', ...memory, ...size];
  let binary;
  const writeTo = (name, contents) => void (name === 'deflate.wasm' && (binary = contents));
  const { error, stderr } = await asc.main([SOURCE, '-o', 'deflate.wasm', ...options], {
    writeFile: writeTo,
  });
  const said = stderr.toString();
  if (error || said) throw new Error(said || error.message);
  return binary;
}

function moduleOf(binary) {
  const lines = Buffer.from(binary)
    .toString('base64')
    .match(/.{1,120}/g);
  return `// Made from assembly/ by \`npm run wasm:update\`.
export const DEFLATE_MODULE = \`
${lines.join('\n')}
\`;
`;
}
