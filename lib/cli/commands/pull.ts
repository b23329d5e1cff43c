import { InvalidArgumentError, type PullOptions } from '../../index.js';
import { checkPullOrder } from '../argument-order.js';
import type { PullFlags } from '../flags.js';
import { formatJson } from '../format.js';
import type { Io } from '../io.js';
import { PullProgress } from '../pull-progress.js';
import { fullName, targetOf } from '../target.js';

/** Writes an archive, and prints `host/repository:tag@digest`. */
export async function pull(reference: string, file: string, flags: PullFlags, io: Io): Promise<void> {
  checkPullOrder(reference, file);
  const toStdout = file === '-';
  if (toStdout && io.stdoutStream.isTTY) throw terminal();
  if (toStdout) io.requireReader();
  const { client, name, repository, ...given } = targetOf(reference, flags, io, { digests: true });
  const tag = given.digest === undefined ? given.reference : given.tag;
  try {
    const pulled = await client.pull(name, toStdout ? io.stdoutStream : file, optionsOf(flags, io));
    const full = fullName(client, { repository, tag, digest: pulled.digest });
    const text = flags.json ? formatJson({ ...pulled, reference: full }) : `${full}\n`;
    if (!toStdout) io.stdout(text);
    else if (!flags.quiet) io.stderr(text);
  } finally {
    await client.close();
  }
}

function optionsOf({ format, platform, quiet }: PullFlags, io: Io): PullOptions {
  const progress = new PullProgress((line) => io.stderr(`${line}\n`));
  return {
    ...{ format, signal: io.signal },
    ...(platform === undefined ? {} : { platform }),
    ...(quiet ? {} : { onProgress: (event) => progress.report(event) }),
  };
}

function terminal(): InvalidArgumentError {
  return new InvalidArgumentError('standard output is a terminal, where an archive does not belong', {
    hint: 'Send it to a file or a program (| docker load), or name a file.',
  });
}
