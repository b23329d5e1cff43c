import { EventEmitter } from 'node:events';
import { readdir } from 'node:fs/promises';

/**
 * The process itself. What specs see under that name is a copy of jest's, which hears of no warnings; a function from outside
 * of it knows the real one.
 */
const realProcess = (EventEmitter.constructor as (code: string) => () => NodeJS.Process)('return process')();

/** What Node suspects to be leaks of listeners. @returns stops listening, and tells them */
export function watchListeners(): () => string[] {
  const suspected: string[] = [];
  const hear = (warning: Error): void => {
    if (warning.name === 'MaxListenersExceededWarning') suspected.push(String(warning));
  };
  realProcess.on('warning', hear);
  return () => {
    realProcess.off('warning', hear);
    return suspected;
  };
}

/** What keeps a process alive, or counts against its limits, by kind. */
export async function handles(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) {
    if (/^(TCP|Pipe|FSReq)/.test(kind)) counts[kind] = (counts[kind] ?? 0) + 1;
  }
  // Not every system tells.
  counts.descriptors = await readdir('/proc/self/fd').then(
    ({ length }) => length,
    () => 0,
  );
  return counts;
}

/** What is open beyond what was `before`, once all has had its time to close. */
export async function leftOver(before: Readonly<Record<string, number>>): Promise<Record<string, number>> {
  const end = performance.now() + 10_000;
  for (;;) {
    const more = Object.entries(await handles()).filter(([kind, count]) => count > (before[kind] ?? 0));
    if (more.length === 0 || performance.now() > end) return Object.fromEntries(more);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
