import { once } from 'node:events';
import { InvalidArgumentError } from '../../index.js';
import { RegistryServer } from '../../testing/index.js';
import type { Io } from '../io.js';

/** Serves until interrupted. */
export async function serve({ port, host }: { port: number; host: string }, io: Io): Promise<void> {
  const server = await RegistryServer.start({ port, host }).catch((cause: NodeJS.ErrnoException) => {
    throw cannotListen(host, port, cause);
  });
  try {
    io.stdout(`${server.url}\n`);
    io.stderr('a registry in memory: what is pushed is gone when it stops; stop it with Ctrl+C\n');
    if (!io.signal.aborted) await once(io.signal, 'abort');
  } finally {
    await server.close();
  }
}

/** What the system says to an address that is taken, not ours, or not allowed. */
function cannotListen(host: string, port: number, cause: NodeJS.ErrnoException): Error {
  if (cause.code === undefined) return cause;
  const why = cause.code === 'EADDRINUSE' ? `port ${port} of ${host} is in use` : `cannot listen: ${cause.message}`;
  return new InvalidArgumentError(why, { cause, hint: 'Choose another address with --port and --host.' });
}
