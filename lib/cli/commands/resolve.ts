import { NotFoundError } from '../../index.js';
import type { ResultFlags } from '../flags.js';
import { formatJson } from '../format.js';
import type { Io } from '../io.js';
import { fullName, targetOf } from '../target.js';

/** Prints the digest behind a name, or the descriptor as JSON. */
export async function resolve(name: string, flags: ResultFlags, io: Io): Promise<void> {
  const { client, repository, tag, digest, reference } = targetOf(name, flags, io, { digests: true });
  try {
    const descriptor = await client.resolve(repository, reference, { signal: io.signal });
    if (descriptor) return io.stdout(flags.json ? formatJson(descriptor) : `${descriptor.digest}\n`);
    const wanted = fullName(client, { repository, digest, tag: digest === undefined ? reference : tag });
    throw new NotFoundError(`there is no ${wanted}`, { code: 'MANIFEST_UNKNOWN', status: 404 });
  } finally {
    await client.close();
  }
}
