import type { ResultFlags } from '../flags.js';
import { formatJson } from '../format.js';
import type { Io } from '../io.js';
import { connect } from '../target.js';

/** Prints the registry's host when it is there and lets us in. */
export async function ping(url: string | undefined, flags: ResultFlags, io: Io): Promise<void> {
  const client = connect(url, flags, io);
  try {
    await client.checkConnectivity({ signal: io.signal });
    const { registry } = client;
    io.stdout(flags.json ? formatJson({ registry }) : `${registry}\n`);
  } finally {
    await client.close();
  }
}
