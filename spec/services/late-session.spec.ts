import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { createContainer, TOKENS } from '../../lib/container.js';
import { EmbeddedTransport } from '../../lib/embedded/embedded-transport.js';
import { EmbeddedRegistry } from '../../lib/embedded/registry.js';
import { BlobUpload } from '../../lib/services/blob-upload.js';
import { Requests } from '../../lib/services/requests.js';
import type { Transport } from '../../lib/transport/transport.js';
import { stopServers, TestServer, until } from '../support/test-server.js';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const blob = { digest: DIGEST, bytes: Buffer.from('content') };
const link = { digest: DIGEST, from: 'base/image' };

type Opening = (requests: Requests, signal: AbortSignal) => Promise<unknown>;

const openings: [string, Opening][] = [
  ['that is started', (requests, signal) => BlobUpload.start(requests, 'app', signal)],
  ['instead of a mount', (requests, signal) => BlobUpload.mount(requests, 'app', link, signal)],
  ['instead of a single POST', (requests, signal) => BlobUpload.post(requests, 'app', blob, signal)],
];

describe('a session whose POST is unanswered when the caller leaves', () => {
  let server: TestServer;
  let transport: Transport;
  let abort: AbortController;
  /** Of the POST. */
  let response: ServerResponse | undefined;

  beforeEach(async () => {
    abort = new AbortController();
    response = undefined;
    server = await TestServer.http((request, answer) => {
      if (request.method === 'POST') request.resume().once('end', () => (response = answer));
      else answer.writeHead(204).end();
    });
    const options = { url: server.url(), credentials: { username: 'user', password: 'secret' }, timeout: 30_000 };
    transport = createContainer({ ...options, retry: { baseDelay: 1 } }).get<Transport>(TOKENS.Transport);
  });

  afterEach(async () => {
    await transport.close?.();
    await stopServers();
  });

  const requests = (timeout = 30_000) => new Requests(transport, { url: server.url(), timeout });
  /** What became of the call, after the POST has arrived, the caller has left, and `then` has been done. */
  const outcome = async (opening: Opening, then: (answer: ServerResponse) => void): Promise<unknown> => {
    const opened = opening(requests(), abort.signal).catch((error: unknown) => error);
    await until(() => response !== undefined, 'the POST arrives');
    abort.abort('enough');
    await sleep(20);
    then(response as ServerResponse);
    return opened;
  };
  const methods = () => server.requests.map((line) => line.replace(/\?.*/, ''));

  it.each(openings)('%s, is given back as soon as it has a name', async (_, opening) => {
    const answering = (answer: ServerResponse) => answer.writeHead(202, { location: '/session/1' }).end();
    expect(await outcome(opening, answering)).toBe('enough');
    expect(methods()).toEqual(['POST /v2/app/blobs/uploads/', 'DELETE /session/1']);
    expect(server.sockets).toHaveLength(1);
  });

  it('is not waited for longer than a moment', async () => {
    expect(
      await outcome(
        (all, signal) => BlobUpload.start(all, 'app', signal),
        () => undefined,
      ),
    ).toBe('enough');
    expect(methods()).toEqual(['POST /v2/app/blobs/uploads/']);
  });

  it.each(openings.slice(1))('%s, and was not needed, is the end all the same', async (_, opening) => {
    expect(await outcome(opening, (answer) => answer.writeHead(201).end())).toBe('enough');
    expect(methods()).toEqual(['POST /v2/app/blobs/uploads/']);
  });

  it.each<[string, (answer: ServerResponse) => void]>([
    ['asks for a password', (answer) => answer.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()],
    [
      'asks for a token',
      (answer) => {
        const realm = server.url('/token').href;
        answer.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="x",scope="y"` }).end();
      },
    ],
    ['is not well', (answer) => answer.writeHead(503).end()],
    ['wants a pause', (answer) => answer.writeHead(429, { 'retry-after': '1' }).end()],
    ['sends it elsewhere', (answer) => answer.writeHead(307, { location: '/v2/app/blobs/uploads/other' }).end()],
    ['names no address', (answer) => answer.writeHead(202).end()],
    ['never ends its answer', (answer) => answer.writeHead(500).write('half')],
    ['breaks the connection', (answer) => answer.socket?.destroy()],
  ])('is not asked for again where the server %s', async (_, then) => {
    expect(await outcome((all, signal) => BlobUpload.start(all, 'app', signal), then)).toBe('enough');
    await sleep(30);
    expect(methods()).toEqual(['POST /v2/app/blobs/uploads/']);
  });

  it('is used when it was only our own time that was over', async () => {
    const opening = BlobUpload.start(requests(200), 'app', abort.signal);
    await until(() => response !== undefined, 'the POST arrives');
    await sleep(300);
    response?.writeHead(202, { location: '/session/1' }).end();
    await (await opening).cancel();
    expect(methods()).toEqual(['POST /v2/app/blobs/uploads/', 'DELETE /session/1']);
  });

  it('is given back by a registry in this process, too', async () => {
    const registry = new EmbeddedRegistry();
    const seen: string[] = [];
    let release = (): void => undefined;
    const handler = {
      handle: async (request: Parameters<EmbeddedRegistry['handle']>[0]) => {
        seen.push(request.method);
        if (request.method === 'POST') await new Promise<void>((resolve) => (release = resolve));
        return registry.handle(request);
      },
    };
    const all = new Requests(new EmbeddedTransport(handler), { url: new URL('http://embedded/'), timeout: 30_000 });
    const opened = BlobUpload.start(all, 'app', abort.signal).catch((error: unknown) => error);
    await until(() => seen.length === 1, 'the POST arrives');
    abort.abort('enough');
    release();
    expect(await opened).toBe('enough');
    expect(seen).toEqual(['POST', 'DELETE']);
  });
});
