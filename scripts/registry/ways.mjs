import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { distributionConfig, zotConfig } from './configuration.mjs';
import { startProgram } from './program.mjs';

const execute = promisify(execFile);
const ASK_MS = 10_000;
const UP_MS = 5 * 60_000;
const COMPOSE = fileURLToPath(new URL('../../docker-compose.yml', import.meta.url));
const OWN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** The user of docker-compose.yml. */
const credentials = { username: 'tester', password: 'spec-password' };

export const KINDS = {
  plain: { port: 15000, service: 'registry', ways: [compose, distribution, embedded] },
  auth: { port: 15001, service: 'registry-basic', ways: [compose, distribution, embedded], credentials },
  zot: { port: 15002, service: 'zot', ways: [compose, zot] },
};

/**
 * In the order to try. Each has `needs`, for people, and `start`, which gives the running registry, or a text: why not. A running
 * registry says what it is (`by`), why it `ended` should it do so, and takes `stop`.
 */
export function waysTo(kind, port) {
  return kind.ways.map((way) => way(kind, port));
}

function compose({ service }, port) {
  const docker = async (timeout, ...args) => {
    const env = { ...process.env, REGISTRY_PORT: String(port) };
    await execute('docker', args, { timeout, env });
  };
  // Of its own name, so that nothing happens to what somebody has started with docker compose.
  const project = ['--project-name', `local-registry-${port}`, '--file', COMPOSE];
  const inProject = (...args) => docker(UP_MS, 'compose', ...project, ...args);
  const stop = () => inProject('down', '--volumes');
  const start = async () => {
    try {
      await docker(ASK_MS, 'info');
      await inProject('up', '--detach', '--wait', service);
    } catch (error) {
      return reason(error);
    }
    return { by: `"${service}" of docker-compose.yml`, ended: new Promise(() => {}), stop };
  };
  return { needs: 'Docker with the compose plugin and a running daemon', start };
}

function distribution({ credentials: wanted }, port) {
  const start = async () => {
    for (const name of ['docker-registry', 'registry']) {
      if (!(await isDistribution(name))) continue;
      const configure = (folder) => distributionConfig(folder, port, wanted !== undefined);
      return startProgram(name, (file) => ['serve', file], { port, configure });
    }
    return 'not found';
  };
  return { needs: 'docker-registry or registry, the program of the distribution project, on the PATH', start };
}

function zot(_, port) {
  const configure = (folder) => zotConfig(folder, port);
  return {
    needs: 'zot on the PATH',
    start: () => startProgram('zot', (file) => ['serve', file], { port, configure }),
  };
}

function embedded({ credentials: wanted }, port) {
  const auth = wanted === undefined ? [] : ['--auth', `${wanted.username}:${wanted.password}`];
  const args = [OWN, 'serve', '--port', String(port), ...auth];
  const start = async () => {
    if (!existsSync(OWN)) return 'not built';
    const started = await startProgram(process.execPath, () => args, { port });
    return typeof started === 'string' ? started : { ...started, by: 'our own registry-client serve' };
  };
  return { needs: 'our own registry, after npm run build', start };
}

/** Other programs are called `registry`, too. */
async function isDistribution(name) {
  const version = await execute(name, ['--version'], { timeout: ASK_MS }).catch(() => undefined);
  return version?.stdout.includes('distribution') ?? false;
}

/** What the program itself said, without our command line before it. */
function reason({ code, stderr, message }) {
  if (code === 'ENOENT') return 'not found';
  return (stderr?.trim() || message).split('\n')[0];
}
