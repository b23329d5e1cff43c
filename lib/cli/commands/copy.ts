import type { CopyOptions } from '../../index.js';
import type { TransferFlags } from '../flags.js';
import { formatJson } from '../format.js';
import type { Io } from '../io.js';
import { ofCopy } from '../progress/copy-progress.js';
import { type Report, withView } from '../progress/open-view.js';
import { fullName, targetOf } from '../target.js';

/** Prints `host/repository:tag@digest` of the copy. */
export async function copy(source: string, target: string, flags: TransferFlags, io: Io): Promise<void> {
  const from = targetOf(source, flags, io, { digests: true });
  const into = targetOf(target, flags, io);
  const { repository } = into;
  const tag = into.tag ?? from.tag ?? 'latest';
  try {
    const copied = await withView('copy', flags, io, (report) => {
      const options = { ...optionsOf(flags, io, report), to: into.client };
      return from.client.copy(from.name, `${repository}:${tag}`, options);
    });
    const reference = fullName(into.client, { repository, tag });
    io.stdout(flags.json ? formatJson({ reference, ...copied }) : `${reference}@${copied.digest}\n`);
  } finally {
    await Promise.all([from.client.close(), into.client.close()]);
  }
}

function optionsOf({ platform }: TransferFlags, io: Io, report: Report): CopyOptions {
  return {
    signal: io.signal,
    ...(platform === undefined ? {} : { platform }),
    ...(report && { onProgress: (event) => report(ofCopy(event)) }),
  };
}
