import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Way } from './way.js';

const FILE = fileURLToPath(new URL('../../docker-compose.yml', import.meta.url));
const ASK_TIMEOUT_MS = 10_000;
const UP_TIMEOUT_MS = 5 * 60_000;

/** The two registries of docker-compose.yml; registries that a spec starts for itself run the same image. */
export const withCompose: Way = {
  needs: 'Docker with the compose plugin and a running daemon, for docker-compose.yml',
  provide: async () => {
    try {
      await docker(ASK_TIMEOUT_MS, 'info');
      const running = { plain: 'http://127.0.0.1:15000', basic: 'http://127.0.0.1:15001' };
      return { launcher: { kind: 'docker', image: image() }, running, undo: await composeUp() };
    } catch (error) {
      return reason(error);
    }
  },
};

/** Starts them, unless they run already. Returns what undoes it: nothing is stopped that somebody else had started. */
async function composeUp(): Promise<() => Promise<void>> {
  const before = await compose(ASK_TIMEOUT_MS, 'ps', '--quiet');
  await compose(UP_TIMEOUT_MS, 'up', '--detach', '--wait');
  return async () => {
    if (before === '') await compose(UP_TIMEOUT_MS, 'down', '--volumes');
  };
}

function compose(timeout: number, ...args: string[]): Promise<string> {
  return docker(timeout, 'compose', '--file', FILE, ...args);
}

async function docker(timeout: number, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('docker', args, { timeout, env: { ...process.env } });
  return stdout.trim();
}

function image(): string {
  const name = /^\s*image:\s*(\S+)\s*$/m.exec(readFileSync(FILE, 'utf8'))?.[1];
  if (name === undefined) throw new Error('docker-compose.yml names no image');
  return name;
}

/** What Docker itself said, without our command line before it. */
function reason(error: unknown): string {
  const { stderr, message } = error as Error & { stderr?: string };
  return (stderr?.trim() || message).split('\n')[0] ?? message;
}
