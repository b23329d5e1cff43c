import { printable } from '../../redact.js';
import { formatJson } from '../format.js';
import type { Io } from '../io.js';
import type { OutputFlags, ResultFlags } from '../flags.js';
import { targetOf } from '../target.js';

/** Prints one tag per line. */
export async function tags(repository: string, flags: ResultFlags, io: Io): Promise<void> {
  const { client, name } = targetOf(repository, flags, io);
  try {
    await printList(client.listTags(name, { signal: io.signal }), flags, io);
  } finally {
    await client.close();
  }
}

/** One name per line as they come, or a JSON array. */
export async function printList(list: AsyncIterable<string>, { json }: OutputFlags, io: Io): Promise<void> {
  if (json) return printArray(list, io);
  for await (const name of list) io.stdout(`${printable(name)}\n`);
}

/** Nothing before there is a name, so that a list that fails at once prints nothing; one that fails later is no JSON. */
async function printArray(list: AsyncIterable<string>, io: Io): Promise<void> {
  let lead = '[';
  for await (const name of list) {
    io.stdout(`${lead}${formatJson(name).trimEnd()}`);
    lead = ',';
  }
  io.stdout(lead === '[' ? '[]\n' : ']\n');
}
