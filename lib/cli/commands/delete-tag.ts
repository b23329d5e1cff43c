import type { DeleteTagOptions } from '../../index.js';
import type { DeleteTagFlags } from '../flags.js';
import type { Io } from '../io.js';
import { printDone } from '../print-done.js';
import { fullName, type Target, targetOf } from '../target.js';

/** Prints the name of each tag as soon as it is gone. */
export async function deleteTag(names: readonly string[], flags: DeleteTagFlags, io: Io): Promise<void> {
  // All before the first goes: half of a wrong command line is not carried out.
  const targets = names.map((name) => targetOf(name, flags, io, { exact: true }));
  const options = { fallback: flags.fallback ?? false, signal: io.signal };
  await printDone(deleteAll(targets, options), (name) => name, flags, io);
}

async function* deleteAll(targets: readonly Target[], options: DeleteTagOptions): AsyncGenerator<string> {
  for (const { client, repository, reference } of targets) {
    try {
      await client.deleteTag(repository, reference, options);
      yield fullName(client, { repository, tag: reference });
    } finally {
      await client.close();
    }
  }
}
