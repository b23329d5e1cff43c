import { execFile } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { Way } from './way.js';

const execute = promisify(execFile);
const VERSION_TIMEOUT_MS = 10_000;
const APT_TIMEOUT_MS = 5 * 60_000;

export const onThePath: Way = {
  needs: 'docker-registry or registry, the program of the distribution project, on the PATH',
  provide: async () => {
    const path = await findDistribution();
    return path === undefined ? 'not found' : { launcher: { kind: 'binary', path } };
  },
};

export const withApt: Way = {
  needs: 'root on Debian or Ubuntu, for apt-get install docker-registry',
  provide: async () => {
    if (process.getuid?.() !== 0) return 'not root';
    if (onPath('apt-get').length === 0) return 'no apt-get';
    process.stderr.write('Installing docker-registry with apt-get for the integration specs\n');
    try {
      await install();
    } catch (error) {
      return (error as Error).message;
    }
    return onThePath.provide();
  },
};

/** Other programs are called `registry` too, so it has to say what it is. */
async function findDistribution(): Promise<string | undefined> {
  for (const path of [...onPath('docker-registry'), ...onPath('registry')]) {
    const version = await execute(path, ['--version'], { timeout: VERSION_TIMEOUT_MS }).catch(() => undefined);
    if (version?.stdout.includes('distribution')) return path;
  }
  return undefined;
}

function onPath(name: string): string[] {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).filter(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** A fresh machine or container has no package lists yet. */
async function install(): Promise<void> {
  const once = () => aptGet('install', '--yes', '--no-install-recommends', 'docker-registry');
  await once().catch(async () => {
    await aptGet('update');
    await once();
  });
}

async function aptGet(...args: string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await execute('apt-get', args, { timeout: APT_TIMEOUT_MS, env });
}
