import { inspect } from 'node:util';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { RegistryClient } from '../../lib/index.js';
import { TestServer } from './test-server.js';

/** A request as a server got it, with all of it. */
export interface Heard {
  method: string;
  /** With the query. */
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export type Reply = (heard: Heard, response: ServerResponse) => unknown;

/** A server that writes down everything it hears. */
export interface Witness {
  readonly name: string;
  readonly server: TestServer;
  readonly heard: Heard[];
  url(path?: string): string;
}

/** Servers and secrets of a scenario, and who may know which of them. */
export class HostileRig {
  private readonly witnesses: Witness[] = [];
  private readonly secrets = new Map<string, { value: string; owners: readonly Witness[] }>();

  async http(name: string, reply: Reply): Promise<Witness> {
    return this.add(name, reply, (handler) => TestServer.http(handler));
  }

  async https(name: string, reply: Reply): Promise<Witness> {
    return this.add(name, reply, (handler) => TestServer.https(handler));
  }

  /** @param owners - who may hear it; nobody may print it */
  secret(name: string, value: string, ...owners: readonly Witness[]): string {
    this.secrets.set(name, { value, owners });
    return value;
  }

  /** What somebody heard that is none of his business: empty when all is well. */
  get betrayals(): string[] {
    return this.witnesses.flatMap((witness) =>
      witness.heard.flatMap(({ method, path, headers, body }) => {
        const all = [path, JSON.stringify(headers), body.toString('latin1')].join('\n');
        const strange = [...this.secrets].filter(
          ([, { value, owners }]) => !owners.includes(witness) && mentions(all, value),
        );
        return strange.map(([name]) => `${witness.name} heard the ${name} in ${method} ${path}`);
      }),
    );
  }

  /** Which secrets a text has in it. */
  namedIn(text: string): string[] {
    return [...this.secrets].filter(([, { value }]) => mentions(text, value)).map(([name]) => name);
  }

  private async add(
    name: string,
    reply: Reply,
    start: (handler: Parameters<typeof TestServer.http>[0]) => Promise<TestServer>,
  ): Promise<Witness> {
    const heard: Heard[] = [];
    const server = await start(async (request, response) => {
      const body = await buffer(request).catch(() => Buffer.alloc(0));
      const one = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body };
      heard.push(one);
      response.on('error', () => undefined);
      await reply(one, response);
    });
    const witness = { name, server, heard, url: (path = '/') => server.url(path).href };
    this.witnesses.push(witness);
    return witness;
  }
}

/** As it is, and in the ways in which it travels. */
function mentions(text: string, secret: string): boolean {
  const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '');
  return [secret, base64, encodeURIComponent(secret)].some((form) => text.includes(form));
}

/** Everything anybody could print of an error and of the client it came from. */
export function printedFrom(error: unknown, client?: RegistryClient): string {
  const texts = [String(error), inspect(error, { depth: 9, showHidden: true }), JSON.stringify(error)];
  if (error instanceof Error) texts.push(error.message, error.stack ?? '', JSON.stringify(error.cause ?? null));
  if (client) texts.push(inspect(client, { depth: 9 }), JSON.stringify(client, once()));
  return texts.join('\n');
}

/** A replacer for objects that contain themselves. */
function once(): (key: string, value: unknown) => unknown {
  const seen = new Set<unknown>();
  return (_, value) => {
    if (typeof value !== 'object' || value === null) return value;
    if (seen.has(value)) return undefined;
    seen.add(value);
    return value;
  };
}

export function json(response: ServerResponse, status: number, content: unknown, headers: Record<string, string> = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(content));
}
