import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { RegistryHandler, RegistryRequest, RegistryResponse } from './message.js';

/** Lets the handler answer one request of `node:http`. Never rejects: what cannot be answered ends the connection. */
export async function exchange(
  handler: RegistryHandler,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  try {
    await write(outgoing, await handler.handle(toRegistryRequest(incoming)));
  } catch {
    outgoing.destroy();
  }
  // An answer may be ready before the body is read. The rest is taken in and dropped: closing instead would reset the
  // connection, and a client still busy with sending would never see the answer.
  incoming.resume();
}

async function write(outgoing: ServerResponse, { status, headers, body }: RegistryResponse): Promise<void> {
  outgoing.writeHead(status, headers);
  if (body === undefined) outgoing.end();
  else await pipeline(await body.open(), outgoing);
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
