import { once } from 'node:events';
import { InvalidArgumentError } from '../../index.js';
import { RegistryServer } from '../../testing/index.js';
import type { Io } from '../io.js';

/** Serves until interrupted. */
export async function serve({ port, host }: { port: number; host: string }, io: Io): Promise<void> {
  const server = await RegistryServer.start({ port, host }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'EADDRINUSE') throw cause;
    throw new InvalidArgumentError(`port ${port} of ${host} is in use`, { cause, hint: 'Choose another with --port.' });
  });
  io.stdout(`${server.url}\n`);
  io.stderr('a registry in memory: what is pushed is gone when it stops; stop it with Ctrl+C\n');
  if (!io.signal.aborted) await once(io.signal, 'abort');
  await server.close();
}
