import type { OutputFlags } from './flags.js';
import { formatJson } from './format.js';
import type { Io } from './io.js';

/**
 * Prints each thing as soon as it is done; with `--json` all of them at the end, also when a later one fails, because they
 * stay done.
 */
export async function printDone<T>(
  steps: AsyncIterable<T>,
  line: (done: T) => string,
  { json }: OutputFlags,
  io: Io,
): Promise<void> {
  const all: T[] = [];
  try {
    for await (const done of steps) {
      all.push(done);
      if (!json) io.stdout(`${line(done)}\n`);
    }
  } finally {
    if (json) io.stdout(formatJson(all));
  }
}
