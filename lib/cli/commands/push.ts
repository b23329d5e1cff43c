import { InvalidArgumentError, type PushedImage, type PushInput, type PushOptions } from '../../index.js';
import { checkPushOrder } from '../argument-order.js';
import { formatJson } from '../format.js';
import type { Io } from '../io.js';
import type { PushFlags } from '../flags.js';
import { checkNaming, decidingOptions, imageOption } from '../push-flags.js';
import { type Report, withView } from '../progress/open-view.js';
import { ofPush } from '../progress/push-progress.js';
import { connect, targetOf } from '../target.js';

/** Prints one `host/repository:tag@digest` per tag on standard output; with `--dry-run` what it would do. */
export async function push(tar: string, reference: string | undefined, flags: PushFlags, io: Io): Promise<void> {
  checkPushOrder(tar, reference);
  if (flags.dryRun) {
    const { planPush } = await import('./plan-push.js');
    return planPush(tar, reference, flags, io);
  }
  checkNaming(reference, flags);
  const pushed = await withView('push', flags, io, (report) =>
    reference === undefined ? pushOriginalTags(tar, flags, io, report) : pushAs(tar, reference, flags, io, report),
  );
  if (flags.json) io.stdout(formatJson(pushed));
  else for (const { reference: name, digest } of pushed) io.stdout(`${name}@${digest}\n`);
}

async function pushAs(
  tar: string,
  reference: string,
  flags: PushFlags,
  io: Io,
  report: Report,
): Promise<PushedImage[]> {
  const { client, name } = targetOf(reference, flags, io);
  try {
    const options = { ...transferOptions(flags, io, report), ...imageOption(flags) };
    return [await client.push(inputOf(tar, io), name, options)];
  } finally {
    await client.close();
  }
}

async function pushOriginalTags(tar: string, flags: PushFlags, io: Io, report: Report): Promise<PushedImage[]> {
  const client = connect(undefined, flags, io);
  try {
    const which = flags.firstTag ? 'first' : 'all';
    return await client.pushOriginalTags(inputOf(tar, io), { ...transferOptions(flags, io, report), which });
  } finally {
    await client.close();
  }
}

/** `-` is standard input. */
function inputOf(tar: string, io: Io): PushInput {
  if (tar !== '-') return tar;
  const { stdin } = io;
  if (!stdin.isTTY) return stdin;
  throw new InvalidArgumentError('standard input is a terminal, and no archive is piped in', {
    hint: 'Pipe one in: docker save NAME | registry-client push - REFERENCE.',
  });
}

function transferOptions(flags: PushFlags, io: Io, report: Report): Omit<PushOptions, 'image'> {
  return {
    ...decidingOptions(flags),
    signal: io.signal,
    ...(report && { onProgress: (event) => report(ofPush(event)) }),
  };
}
