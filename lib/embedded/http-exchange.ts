import type { IncomingMessage, ServerResponse } from 'node:http';
import { finished, pipeline } from 'node:stream/promises';
import { RegistryClientError } from '../errors.js';
import type { RegistryHandler, RegistryRequest, RegistryResponse } from './message.js';

/** Lets the handler answer one request of `node:http`. Never rejects: what cannot be answered ends the connection. */
export async function exchange(
  handler: RegistryHandler,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  try {
    await write(incoming, outgoing, await handler.handle(toRegistryRequest(incoming)));
  } catch (error) {
    hangUp(outgoing, error);
  }
  // An answer may be ready before the body is read. The rest is taken in and dropped: closing instead would reset the
  // connection, and a client still busy with sending would never see the answer.
  incoming.resume();
}

async function write(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { status, headers, body }: RegistryResponse,
): Promise<void> {
  outgoing.writeHead(status, headers);
  if (body !== undefined) {
    const stream = await body.open();
    // Before the pipeline closes the socket in its gentler way.
    stream.once('error', (error) => hangUp(outgoing, error));
    await pipeline(stream, outgoing, { end: false });
    if (!outgoing.shouldKeepAlive) await rest(incoming);
  }
  outgoing.end();
}

/** With the end of the last answer node closes the connection, which resets it for a client that still sends. */
async function rest(incoming: IncomingMessage): Promise<void> {
  if (incoming.complete || incoming.destroyed) return;
  incoming.resume();
  // A client that goes away has no use for the answer.
  await finished(incoming, { writable: false }).catch(() => undefined);
}

/** A handler that says the connection was reset means it: the client must see it as such. */
function hangUp(outgoing: ServerResponse, error: unknown): void {
  const isReset = RegistryClientError.is(error) && error.code === 'ECONNRESET';
  if (isReset && outgoing.socket) outgoing.socket.resetAndDestroy();
  else outgoing.destroy();
}

function toRegistryRequest(incoming: IncomingMessage): RegistryRequest {
  const { method = '', url = '', headers } = incoming;
  const single = Object.entries(headers).map(([name, value]) => [name, String(value)]);
  return {
    method,
    target: originForm(url),
    headers: Object.fromEntries(single) as Record<string, string>,
    body: incoming,
  };
}

/** RFC 9112 section 3.2.2: a server must accept `GET http://host/v2/` too. */
function originForm(target: string): string {
  return target.replace(/^https?:\/\/[^/?]*/i, '');
}
