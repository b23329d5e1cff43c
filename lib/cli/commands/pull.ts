import { InvalidArgumentError, type PulledImage, type PullOptions } from '../../index.js';
import { checkPullOrder } from '../argument-order.js';
import type { PullFlags } from '../flags.js';
import { formatJson } from '../format.js';
import type { Io } from '../io.js';
import { type Report, withView } from '../progress/open-view.js';
import { ofPull } from '../progress/pull-progress.js';
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
    const target = toStdout ? io.stdoutStream : file;
    const pulled = await withView('pull', flags, io, (report) =>
      client.pull(name, target, optionsOf(flags, io, report)),
    );
    const full = fullName(client, { repository, tag, digest: pulled.digest });
    const result = { ...pulled, reference: full };
    if (!toStdout) io.stdout(flags.json ? formatJson(result) : `${full}\n`);
    else if (!flags.quiet) io.stderr(besideArchive(result, flags));
  } finally {
    await client.close();
  }
}

/** Where the archive has standard output; a line among those for programs is one of them. */
function besideArchive(result: PulledImage, { json, progress }: PullFlags): string {
  if (progress === 'json') return formatJson({ state: 'result', ...result }, 0);
  return json ? formatJson(result) : `${result.reference}\n`;
}

function optionsOf({ format, platform }: PullFlags, io: Io, report: Report): PullOptions {
  return {
    ...{ format, signal: io.signal },
    ...(platform === undefined ? {} : { platform }),
    ...(report && { onProgress: (event) => report(ofPull(event)) }),
  };
}

function terminal(): InvalidArgumentError {
  return new InvalidArgumentError('standard output is a terminal, where an archive does not belong', {
    hint: 'Send it to a file or a program (| docker load), or name a file.',
  });
}
