import { fstatSync } from 'node:fs';
import { InvalidArgumentError, type PushedImage, type PushInput, type PushOptions } from '../../index.js';
import { checkPushOrder } from '../argument-order.js';
import { formatJson } from '../format.js';
import type { Io } from '../io.js';
import type { PushFlags } from '../flags.js';
import { PipedInput } from '../piped-input.js';
import { checkNaming, decidingOptions, imageOption, whereTo, whichTags } from '../push-flags.js';
import { type Report, withView } from '../progress/open-view.js';
import { ofPush } from '../progress/push-progress.js';

/** Prints one `host/repository:tag@digest` per tag on standard output; with `--dry-run` what it would do. */
export async function push(tar: string, reference: string | undefined, flags: PushFlags, io: Io): Promise<void> {
  checkPushOrder(tar, reference);
  if (flags.dryRun) {
    const { planPush } = await import('./plan-push.js');
    return planPush(tar, reference, flags, io);
  }
  checkNaming(reference, flags);
  const pushed = await withView('push', flags, io, (report) => send(tar, reference, flags, io, report));
  if (flags.json) io.stdout(formatJson(pushed));
  else for (const { reference: name, digest } of pushed) io.stdout(`${name}@${digest}\n`);
}

async function send(
  tar: string,
  reference: string | undefined,
  flags: PushFlags,
  io: Io,
  report: Report,
): Promise<PushedImage[]> {
  const { client, name } = whereTo(reference, flags, io);
  try {
    const input = inputOf(tar, io);
    const options = transferOptions(flags, io, report);
    if (name === undefined) return await client.pushOriginalTags(input, { ...options, which: whichTags(flags) });
    return [await client.push(input, name, { ...options, ...imageOption(flags) })];
  } finally {
    await client.close();
  }
}

/** `-` is standard input. */
function inputOf(tar: string, io: Io): PushInput {
  if (tar !== '-') return tar;
  if (isPipe(io.stdinFd)) return new PipedInput(io.stdinFd);
  const { stdin } = io;
  if (!stdin.isTTY) return stdin;
  throw new InvalidArgumentError('standard input is a terminal, and no archive is piped in', {
    hint: 'Pipe one in: docker save NAME | registry-client push - REFERENCE.',
  });
}

function isPipe(fd: number | undefined): fd is number {
  try {
    return fd !== undefined && fstatSync(fd).isFIFO();
  } catch {
    // It may be closed; Node has an empty stream for that.
    return false;
  }
}

function transferOptions(flags: PushFlags, io: Io, report: Report): Omit<PushOptions, 'image'> {
  return {
    ...decidingOptions(flags),
    signal: io.signal,
    ...(report && { onProgress: (event) => report(ofPush(event)) }),
  };
}
