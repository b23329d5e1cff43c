import type { Io } from '../io.js';
import type { ResultFlags } from '../flags.js';
import { connect } from '../target.js';
import { printList } from './tags.js';

/** Prints one repository per line. */
export async function repos(registry: string | undefined, flags: ResultFlags, io: Io): Promise<void> {
  const client = connect(registry, flags, io);
  try {
    await printList(client.listRepositories({ signal: io.signal }), flags, io);
  } finally {
    await client.close();
  }
}
