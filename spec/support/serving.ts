import { once } from 'node:events';
import { type Running, startNode } from './proc.js';

/** The built program, serving a registry in a process of its own. */
export interface Serving extends Running {
  url: string;
  host: string;
  /** Ends it, in order or at once. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

const MAIN = 'dist/cli/main.js';

/** `registry-client serve` on a free port. @param args - its further arguments */
export async function startServing(...args: readonly string[]): Promise<Serving> {
  const running = startNode(MAIN, ['serve', '--port', '0', ...args]);
  const { child, result } = running;
  const first = await Promise.race([once(child.stdout!, 'data'), result]);
  if (!Array.isArray(first)) throw new Error(`serve ended with ${first.code}: ${first.stderr}`);
  const url = String(first[0]).trim();
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    child.kill(signal);
    await result;
  };
  return { ...running, url, host: new URL(url).host, stop };
}
