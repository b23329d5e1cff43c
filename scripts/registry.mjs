// One registry to push to, until Ctrl+C: `npm run registry`, `registry:auth` or `registry:zot`, with `-- --port 5000` on another port.
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { KINDS, waysTo } from './registry/ways.mjs';
import { inUse } from './registry/port.mjs';

const { positionals, values } = parseArgs({ allowPositionals: true, options: { port: { type: 'string' } } });
const [name = 'plain'] = positionals;

try {
  const kind = KINDS[name];
  if (kind === undefined) throw new Error(`There is no registry "${name}": choose ${Object.keys(KINDS).join(', ')}`);
  await serve(kind, portOf(values.port) ?? kind.port);
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

function portOf(text) {
  if (text === undefined) return undefined;
  if (/^\d{1,5}$/.test(text) && Number(text) > 0 && Number(text) < 65536) return Number(text);
  throw new Error(`--port takes a number from 1 to 65535, not "${text}"`);
}

async function serve(kind, port) {
  if (await inUse(port))
    throw new Error(`Port ${port} is in use: stop what listens there, or choose one with -- --port`);
  // From here on, so that nothing stays behind when somebody is quick.
  const stopped = Promise.race(['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => once(process, signal)));
  const registry = await firstThatWorks(waysTo(kind, port));
  // Waiting for a signal does not keep a process alive.
  const alive = setInterval(() => {}, 60_000);
  try {
    process.stdout.write(`${describe(kind, port, registry.by)}\n`);
    const failure = await Promise.race([stopped.then(() => undefined), registry.ended]);
    if (failure !== undefined) throw new Error(`The registry has stopped: ${failure}`);
  } finally {
    clearInterval(alive);
    await registry.stop();
  }
}

/** @throws Error naming every way, and why this machine does not offer it */
async function firstThatWorks(ways) {
  const missing = [];
  for (const { needs, start } of ways) {
    const started = await start();
    if (typeof started !== 'string') return started;
    missing.push(`  - ${needs} (here: ${started})`);
  }
  throw new Error(['No registry could be started. Provide one of these:', ...missing].join('\n'));
}

function describe({ credentials }, port, by) {
  const host = `localhost:${port}`;
  const login = credentials && [
    `  User ${credentials.username}, password ${credentials.password}:`,
    `  echo ${credentials.password} | docker login ${host} --username ${credentials.username} --password-stdin`,
  ];
  return [
    `http://${host} is ${by}. What is pushed is gone when you stop it with Ctrl+C.`,
    ...(login ?? ['  It asks for no credentials.']),
    `  node dist/cli/main.js push image.tar ${host}/team/app:1.0`,
  ].join('\n');
}
