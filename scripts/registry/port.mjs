import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export async function inUse(port) {
  const server = createServer();
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
    return false;
  } catch (error) {
    if (error.code === 'EADDRINUSE') return true;
    throw error;
  } finally {
    server.close();
  }
}

/** Resolves as soon as a registry answers there, whatever it says. @throws the signal's reason */
export async function answering(port, signal) {
  while (true) {
    signal.throwIfAborted();
    const answer = await fetch(`http://127.0.0.1:${port}/v2/`, { signal }).catch(() => undefined);
    if (answer !== undefined) return answer.body?.cancel();
    await sleep(50);
  }
}
