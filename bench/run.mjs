// npm run bench: ours against the peers on the PATH, on a real registry, as Markdown on standard output. See bench/README.md.
import { cpus } from 'node:os';
import { judge, megabytes, table } from './figures.mjs';
import { measure } from './measure.mjs';
import { parseOptions, USAGE } from './options.mjs';
import { openSetting } from './setting.mjs';
import { find } from './tools.mjs';
import * as changedLayer from './rows/changed-layer.mjs';
import * as coldPush from './rows/cold-push.mjs';
import * as growth from './rows/growth.mjs';
import * as memory from './rows/memory.mjs';
import * as newTag from './rows/new-tag.mjs';
import * as open from './rows/open.mjs';
import * as pipe from './rows/pipe.mjs';
import * as plainPush from './rows/plain-push.mjs';
import * as pull from './rows/pull.mjs';
import * as smallBlobs from './rows/small-blobs.mjs';
import * as zstd from './rows/zstd.mjs';

const ROWS = {
  'cold-push': coldPush,
  'plain-push': plainPush,
  zstd,
  'new-tag': newTag,
  'changed-layer': changedLayer,
  'small-blobs': smallBlobs,
  pipe,
  memory,
  open,
  pull,
  growth,
};

/** Of ours in every row: the line that holds the most is judged. */
const MOST_MEMORY = 130e6;

const options = parseOptions(process.argv.slice(2), Object.keys(ROWS), { memory: 'large', growth: 'growth' });
if (options.help) console.log(USAGE);
else await bench();

async function bench() {
  const setting = await openSetting(options);
  process.once('SIGINT', () => void setting.close().finally(() => process.exit(130)));
  try {
    console.log(await heading(setting));
    for (const name of options.rows) await row(name, setting);
  } finally {
    await setting.close();
  }
}

async function row(name, setting) {
  const { title, run, against, goals = [] } = ROWS[name];
  console.error(name);
  const result = await run(setting);
  console.log(`\n### ${title}\n`);
  if (typeof result === 'string') return console.log(result);
  console.log(`${table(result, against)}\n`);
  for (const goal of typeof goals === 'function' ? goals(setting) : goals) console.log(`- ${judge(result, goal).text}`);
  const heaviest = result.filter(isOurs).toSorted((a, b) => b.rss - a.rss)[0];
  if (heaviest) console.log(`- ${judge(result, { who: heaviest.who, figure: 'rss', most: MOST_MEMORY }).text}`);
}

function isOurs({ who, rss }) {
  return who.startsWith('ours') && rss !== undefined;
}

async function heading({ registry }) {
  const processors = cpus();
  const facts = [
    `${new Date().toISOString().slice(0, 10)}: ${processors.length} × ${processors[0]?.model.trim()}`,
    `Node ${(await measure([options.node, '--version'])).stdout.trim()}`,
    registry.name,
    ...(await peerVersions()),
    `an image of ${megabytes(options.bytes)}, medians of ${options.runs}`,
  ];
  return facts.join('; ');
}

async function peerVersions() {
  const versions = {
    crane: ['version'],
    skopeo: ['--version'],
    igzip: ['--version'],
    pigz: ['--version'],
    curl: ['--version'],
  };
  const found = [];
  for (const [name, args] of Object.entries(versions)) {
    const path = await find(name);
    if (path) found.push(`${name} ${await versionOf([path, ...args])}`);
  }
  return found;
}

async function versionOf(command) {
  const output = await measure(command).then(
    ({ stdout }) => stdout,
    () => '',
  );
  return /\d+(\.\d+)+/.exec(output)?.[0] ?? '(version unknown)';
}
