import { eraseDockerCredentials } from '../../index.js';
import { printable } from '../../redact.js';
import type { ResultFlags } from '../flags.js';
import { formatJson } from '../format.js';
import type { Io } from '../io.js';
import { connect } from '../target.js';

/** Forgets what `login` keeps; prints the host of the registry, which is not asked. */
export async function logout(url: string | undefined, flags: ResultFlags, io: Io): Promise<void> {
  const { registry } = connect(url, flags, io);
  const places = await eraseDockerCredentials(registry, { env: io.env });
  io.stdout(flags.json ? formatJson({ registry, erased: places }) : `${registry}\n`);
  if (flags.quiet) return;
  for (const { helper, file } of places) {
    io.stderr(`forgot the credentials of ${registry} in ${helper ?? printable(file)}\n`);
  }
  if (places.length === 0) io.stderr(`no credentials of ${registry} were kept\n`);
  if (io.env.DOCKER_AUTH_CONFIG) io.stderr('warning: DOCKER_AUTH_CONFIG is set, and is left as it is\n');
}
