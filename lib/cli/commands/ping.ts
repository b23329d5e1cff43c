import type { Io } from '../io.js';
import type { ConnectionFlags } from '../flags.js';
import { connect } from '../target.js';

/** Prints the registry's host when it is there and lets us in. */
export async function ping(url: string | undefined, flags: ConnectionFlags, io: Io): Promise<void> {
  const client = connect(url, flags, io);
  try {
    await client.checkConnectivity({ signal: io.signal });
    io.stdout(`${client.registry}\n`);
  } finally {
    await client.close();
  }
}
