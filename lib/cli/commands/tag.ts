import type { ResultFlags } from '../flags.js';
import type { Io } from '../io.js';
import { printDone } from '../print-done.js';
import { assertTag, fullName, type Target, targetOf } from '../target.js';

/** A tag that was given. */
interface Tagged {
  /** `host/repository:tag`. */
  reference: string;
  digest: string;
}

/** Prints `host/repository:tag@digest` for each new tag as soon as it is there. */
export async function tag(name: string, tags: readonly string[], flags: ResultFlags, io: Io): Promise<void> {
  // All before the first is sent: half of a wrong command line is not carried out.
  tags.forEach(assertTag);
  const target = targetOf(name, flags, io, { digests: true });
  try {
    await printDone(tagAll(target, tags, io.signal), ({ reference, digest }) => `${reference}@${digest}`, flags, io);
  } finally {
    await target.client.close();
  }
}

async function* tagAll(target: Target, tags: readonly string[], signal: AbortSignal): AsyncGenerator<Tagged> {
  const { client, repository } = target;
  let from = target.reference;
  for (const tag of tags) {
    const { digest } = await client.tag(repository, from, tag, { signal });
    yield { reference: fullName(client, { repository, tag }), digest };
    // The tag may move meanwhile; all the new ones go to the same image.
    from = digest;
  }
}
