import { once } from 'node:events';
import { type Running, type RunResult, start } from './proc.js';

/** `npm run registry` while it runs. */
export interface LocalRegistry extends Running {
  /** What it printed for people. */
  said: string;
  /** As Ctrl+C does. */
  stop(): Promise<RunResult>;
}

/** @throws Error with what it said when it does not start */
export async function startLocal(kind: string, port: number): Promise<LocalRegistry> {
  const running = start(process.execPath, ['scripts/registry.mjs', kind, '--port', String(port)]);
  const { child, result } = running;
  const first = await Promise.race([once(child.stdout!, 'data'), result]);
  if (!Array.isArray(first)) throw new Error(first.stderr);
  const stop = (): Promise<RunResult> => {
    child.kill('SIGINT');
    return result;
  };
  return { ...running, said: String(first[0]), stop };
}
