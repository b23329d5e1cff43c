import { once } from 'node:events';
import { InvalidArgumentError } from '../../index.js';
import {
  BasicAuth,
  EmbeddedRegistry,
  LayoutStore,
  ReadOnly,
  type RegistryHandler,
  RegistryServer,
} from '../../testing/index.js';
import type { Io } from '../io.js';
import type { ServeFlags } from '../flags.js';

/** Serves until interrupted; requests under way get two seconds to end. */
export async function serve(flags: ServeFlags, io: Io): Promise<void> {
  const store = flags.dir === undefined ? undefined : await LayoutStore.open(flags.dir);
  try {
    await serveFrom(store, flags, io);
  } finally {
    await store?.close();
  }
}

async function serveFrom(store: LayoutStore | undefined, flags: ServeFlags, io: Io): Promise<void> {
  const { port, host } = flags;
  const handler = handlerOf(new EmbeddedRegistry(store && { store }), flags);
  const server = await RegistryServer.start({ port, host, handler }).catch((cause: NodeJS.ErrnoException) => {
    throw cannotListen(host, port, cause);
  });
  try {
    io.stdout(`${server.url}\n`);
    io.stderr(`${flags.dir === undefined ? IN_MEMORY : `a registry in ${flags.dir}`}; stop it with Ctrl+C\n`);
    if (flags.auth === undefined && !isLoopback(server.address)) io.stderr(OPEN_TO_ALL);
    if (!io.signal.aborted) await once(io.signal, 'abort');
  } finally {
    await server.close(GRACE);
  }
}

/** Milliseconds; whoever interrupts is let go within three seconds, and what has been taken is to be closed in order. */
const GRACE = 2000;

const IN_MEMORY = 'a registry in memory: what is pushed is gone when it stops';

const OPEN_TO_ALL = 'warning: other machines can reach this registry, and it asks nobody who they are; see --auth\n';

function handlerOf(registry: EmbeddedRegistry, { readOnly, auth }: ServeFlags): RegistryHandler {
  const handler = readOnly ? new ReadOnly(registry) : registry;
  return auth === undefined ? handler : new BasicAuth(handler, credentialsOf(auth));
}

function credentialsOf(auth: string): { username: string; password: string } {
  const colon = auth.indexOf(':');
  if (colon > 0 && colon < auth.length - 1) return { username: auth.slice(0, colon), password: auth.slice(colon + 1) };
  // The text itself may be a password, so it is not shown.
  throw new InvalidArgumentError('--auth takes a user and a password', { hint: 'Write --auth user:password.' });
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address);
}

/** What the system says to an address that is taken, not ours, or not allowed. */
function cannotListen(host: string, port: number, cause: NodeJS.ErrnoException): Error {
  if (cause.code === undefined) return cause;
  const why = cause.code === 'EADDRINUSE' ? `port ${port} of ${host} is in use` : `cannot listen: ${cause.message}`;
  return new InvalidArgumentError(why, { cause, hint: 'Choose another address with --port and --host.' });
}
