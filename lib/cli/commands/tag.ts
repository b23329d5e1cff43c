import type { ConnectionFlags } from '../flags.js';
import type { Io } from '../io.js';
import { assertTag, fullName, targetOf } from '../target.js';

/** Prints `host/repository:tag@digest` for each new tag as soon as it is there. */
export async function tag(name: string, tags: readonly string[], flags: ConnectionFlags, io: Io): Promise<void> {
  // All before the first is sent: half of a wrong command line is not carried out.
  tags.forEach(assertTag);
  const { client, repository, ...target } = targetOf(name, flags, io, { digests: true });
  try {
    let { reference } = target;
    for (const tag of tags) {
      const { digest } = await client.tag(repository, reference, tag, { signal: io.signal });
      io.stdout(`${fullName(client, { repository, tag, digest })}\n`);
      // The tag may move meanwhile; all the new ones go to the same image.
      reference = digest;
    }
  } finally {
    await client.close();
  }
}
