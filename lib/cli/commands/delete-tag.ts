import type { DeleteTagFlags } from '../flags.js';
import type { Io } from '../io.js';
import { fullName, targetOf } from '../target.js';

/** Prints the name of each tag as soon as it is gone. */
export async function deleteTag(names: readonly string[], flags: DeleteTagFlags, io: Io): Promise<void> {
  // All before the first goes: half of a wrong command line is not carried out.
  const targets = names.map((name) => targetOf(name, flags, io, { exact: true }));
  for (const { client, repository, reference } of targets) {
    try {
      await client.deleteTag(repository, reference, { fallback: flags.fallback ?? false, signal: io.signal });
      io.stdout(`${fullName(client, { repository, tag: reference })}\n`);
    } finally {
      await client.close();
    }
  }
}
