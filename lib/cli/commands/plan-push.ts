import { InvalidArgumentError, type PushPlan, type PushPlanBlob, type PushPlanTag } from '../../index.js';
import { printable } from '../../redact.js';
import type { PushFlags } from '../flags.js';
import { formatBytes, formatColumns, formatJson, shortEntry } from '../format.js';
import type { Io } from '../io.js';
import { checkNaming, decidingOptions, imageOption, whereTo, whichTags } from '../push-flags.js';

/** Prints what a push would do on standard output, and warnings on standard error. Nothing of the registry is changed. */
export async function planPush(tar: string, reference: string | undefined, flags: PushFlags, io: Io): Promise<void> {
  checkNaming(reference, flags);
  if (tar === '-') throw unplannable();
  const plan = await planOf(tar, reference, flags, io);
  if (!flags.quiet) for (const warning of plan.warnings) io.stderr(warningLine(warning, flags));
  io.stdout(flags.json ? formatJson(plan) : formatPlan(plan));
}

async function planOf(tar: string, reference: string | undefined, flags: PushFlags, io: Io): Promise<PushPlan> {
  const { client, name } = whereTo(reference, flags, io);
  try {
    const options = { ...decidingOptions(flags), signal: io.signal };
    if (name === undefined) return await client.planPushOriginalTags(tar, { ...options, which: whichTags(flags) });
    return await client.planPush(tar, name, { ...options, ...imageOption(flags) });
  } finally {
    await client.close();
  }
}

/** What passes cannot be planned and then pushed; a file can. */
function unplannable(): InvalidArgumentError {
  return new InvalidArgumentError('standard input cannot be planned: to know what is in it is to use it up', {
    hint: 'Write it to a file first: docker save -o app.tar NAME.',
  });
}

/** Among lines for programs it is one of them, as it is of a push. */
function warningLine(message: string, { progress }: PushFlags): string {
  return progress === 'json' ? formatJson({ state: 'warning', message }, 0) : `warning: ${printable(message)}\n`;
}

function formatPlan(plan: PushPlan): string {
  const blobs = [['ACTION', 'BLOB', 'SIZE', 'REPOSITORY'], ...plan.blobs.map(blobRow)];
  const tags = [['ACTION', 'TAG', 'DIGEST', ''], ...plan.tags.map(tagRow)];
  return [formatColumns(blobs), formatColumns(tags), `${summaryOf(plan)}\n`].join('\n');
}

function blobRow({ action, entry, bytes, digest, repository, from }: PushPlanBlob): string[] {
  const size = `${digest === undefined ? 'at most ' : ''}${formatBytes(bytes)}`;
  return [action, printable(shortEntry(entry), 100), size, `${repository}${from === undefined ? '' : ` from ${from}`}`];
}

function tagRow({ action, reference, digest = 'known once it is packed', before }: PushPlanTag): string[] {
  const isMoved = action === 'set' && before !== undefined;
  return [action, reference, digest, isMoved ? `was ${before}` : ''];
}

function summaryOf({ counts, bytes, isExact, requests, tags }: PushPlan): string {
  const { send, mount, skip, known } = counts;
  const size = `${isExact ? '' : 'at most '}${formatBytes(bytes)}`;
  const set = tags.filter(({ action }) => action === 'set').length;
  const { atLeast, atMost } = requests;
  const asked = atLeast === atMost ? counted(atMost, 'request') : `${atLeast} to ${counted(atMost, 'request')}`;
  const sent = `would send ${counted(send, 'blob')} (${size}), mount ${mount}, skip ${skip}, leave ${known} known`;
  return `${sent}; set ${set} of ${counted(tags.length, 'tag')}; in ${asked}. Nothing was changed.`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
