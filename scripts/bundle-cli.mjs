// Bundles the CLI: Node spends longer on finding hundreds of small files than on running them. The library stays as tsc wrote it.
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';

/**
 * Parts of axios for browsers, forms, HTTP/2, redirects and proxies, which this package has no use for: the last two it sees to
 * itself. Merely looking at `globalThis.fetch`, as the first does, makes Node load its whole fetch implementation. Of
 * reflect-metadata, inversify brings all it needs.
 */
const UNUSED = new RegExp(
  [
    'axios/lib/adapters/(fetch|xhr)',
    'node_modules/form-data/lib/form_data',
    'node_modules/follow-redirects/index',
    'node_modules/https-proxy-agent/dist/index',
    'node_modules/reflect-metadata/Reflect',
  ].join('\\.js$|') + '\\.js$',
);
const leaveOutUnused = {
  name: 'leave-out-unused',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^http2$/ }, () => ({ path: 'http2', namespace: 'unused' }));
    onLoad({ filter: /./, namespace: 'unused' }, () => ({ contents: 'export default {};' }));
    const contents = 'export default class Unused {} export const getFetch = () => undefined;';
    onLoad({ filter: UNUSED }, () => ({ contents }));
  },
};

await rm('dist/cli', { recursive: true });
const { metafile } = await build({
  metafile: true,
  entryPoints: ['lib/cli/main.ts'],
  outdir: 'dist/cli',
  bundle: true,
  // Each command's code, and what only some commands need, is loaded when it runs.
  splitting: true,
  chunkNames: 'parts/[name]-[hash]',
  format: 'esm',
  platform: 'node',
  target: 'node20',
  minify: true,
  plugins: [leaveOutUnused],
  // Names of classes are shown in messages.
  keepNames: true,
  legalComments: 'none',
  // axios and commander are CommonJS inside, and require what Node has.
  banner: {
    js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
  },
});

// What is bundled is passed on, and so are its licences.
const packages = new Set(
  Object.keys(metafile.inputs).flatMap((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []),
);
const notices = await Promise.all([...packages].sort().map(noticeOf));
await writeFile('dist/cli/THIRD-PARTY.txt', notices.join('\n'));

async function noticeOf(name) {
  const folder = `node_modules/${name}`;
  const { version, license } = JSON.parse(await readFile(`${folder}/package.json`, 'utf8'));
  return `${name} ${version} (${license})\n\n${await licenceOf(folder)}`;
}

/** A file of its own, or the end of the README. */
async function licenceOf(folder) {
  const files = await readdir(folder);
  const [own, readme] = [/^licen[cs]e/i, /^readme/i].map((pattern) => files.find((file) => pattern.test(file)));
  if (own) return readFile(`${folder}/${own}`, 'utf8');
  const [, section] =
    /^#*\s*licen[cs]e\s*$([^]*)/im.exec(readme ? await readFile(`${folder}/${readme}`, 'utf8') : '') ?? [];
  if (!section) throw new Error(`${folder} is bundled, but has no licence`);
  return section.trimStart();
}
