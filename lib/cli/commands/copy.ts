import type { CopyOptions } from '../../index.js';
import { CopyProgress } from '../copy-progress.js';
import type { PlatformFlags } from '../flags.js';
import { formatJson } from '../format.js';
import type { Io } from '../io.js';
import { fullName, targetOf } from '../target.js';

/** Prints `host/repository:tag@digest` of the copy. */
export async function copy(source: string, target: string, flags: PlatformFlags, io: Io): Promise<void> {
  const from = targetOf(source, flags, io, { digests: true });
  const into = targetOf(target, flags, io);
  const { repository } = into;
  const tag = into.tag ?? from.tag ?? 'latest';
  try {
    const options = { ...optionsOf(flags, io), to: into.client };
    const copied = await from.client.copy(from.name, `${repository}:${tag}`, options);
    const reference = fullName(into.client, { repository, tag });
    io.stdout(flags.json ? formatJson({ reference, ...copied }) : `${reference}@${copied.digest}\n`);
  } finally {
    await Promise.all([from.client.close(), into.client.close()]);
  }
}

function optionsOf({ platform, quiet }: PlatformFlags, io: Io): CopyOptions {
  const progress = new CopyProgress((line) => io.stderr(`${line}\n`));
  return {
    signal: io.signal,
    ...(platform === undefined ? {} : { platform }),
    ...(quiet ? {} : { onProgress: (event) => progress.report(event) }),
  };
}
