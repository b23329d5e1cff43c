import type { DeletedImage, RegistryClient } from '../../index.js';
import { printable } from '../../redact.js';
import type { DeleteFlags } from '../flags.js';
import { formatJson } from '../format.js';
import type { Io } from '../io.js';
import { fullName, targetOf } from '../target.js';

/** Deletes an image; prints every name that is gone: one per tag, and the one with the digest. */
export async function deleteImage(name: string, flags: DeleteFlags, io: Io): Promise<void> {
  const { client, repository, reference } = targetOf(name, flags, io, { digests: true, exact: true });
  try {
    const deleted = await client.deleteImage(repository, reference, {
      ...{ force: flags.force ?? false, signal: io.signal },
      ...(flags.quiet ? {} : { onProgress: (event) => io.stderr(announcement(event)) }),
    });
    io.stdout(flags.json ? formatJson(deleted) : namesOf(client, repository, deleted));
  } finally {
    await client.close();
  }
}

function announcement({ digest, untagged }: DeletedImage): string {
  const tags = untagged.map((tag) => printable(tag)).join(', ');
  return `deleting ${digest}${tags === '' ? '' : ` with its tags ${tags}`}\n`;
}

function namesOf(client: RegistryClient, repository: string, { digest, untagged }: DeletedImage): string {
  const names = [
    ...untagged.map((tag) => fullName(client, { repository, tag })),
    fullName(client, { repository, digest }),
  ];
  return names.map((name) => `${printable(name)}\n`).join('');
}
