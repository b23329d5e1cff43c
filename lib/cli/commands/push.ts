import { InvalidArgumentError, type PushedImage, type PushInput, type PushOptions } from '../../index.js';
import { checkPushOrder } from '../argument-order.js';
import { formatJson } from '../format.js';
import type { Io } from '../io.js';
import type { PushFlags } from '../flags.js';
import { checkNaming, decidingOptions, imageOption } from '../push-flags.js';
import { PushProgress } from '../push-progress.js';
import { connect, targetOf } from '../target.js';

/** Prints one `host/repository:tag@digest` per tag on standard output; with `--dry-run` what it would do. */
export async function push(tar: string, reference: string | undefined, flags: PushFlags, io: Io): Promise<void> {
  checkPushOrder(tar, reference);
  if (flags.dryRun) {
    const { planPush } = await import('./plan-push.js');
    return planPush(tar, reference, flags, io);
  }
  checkNaming(reference, flags);
  const pushed =
    reference === undefined ? await pushOriginalTags(tar, flags, io) : await pushAs(tar, reference, flags, io);
  if (flags.json) io.stdout(formatJson(pushed));
  else for (const { reference: name, digest } of pushed) io.stdout(`${name}@${digest}\n`);
}

async function pushAs(tar: string, reference: string, flags: PushFlags, io: Io): Promise<PushedImage[]> {
  const { client, name } = targetOf(reference, flags, io);
  try {
    return [await client.push(inputOf(tar, io), name, { ...transferOptions(flags, io), ...imageOption(flags) })];
  } finally {
    await client.close();
  }
}

async function pushOriginalTags(tar: string, flags: PushFlags, io: Io): Promise<PushedImage[]> {
  const client = connect(undefined, flags, io);
  try {
    const which = flags.firstTag ? 'first' : 'all';
    return await client.pushOriginalTags(inputOf(tar, io), { ...transferOptions(flags, io), which });
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

function transferOptions(flags: PushFlags, io: Io): Omit<PushOptions, 'image'> {
  const { quiet } = flags;
  const progress = new PushProgress((line) => io.stderr(`${line}\n`));
  return {
    ...decidingOptions(flags),
    signal: io.signal,
    ...(quiet ? {} : { onProgress: (event) => progress.report(event) }),
  };
}
