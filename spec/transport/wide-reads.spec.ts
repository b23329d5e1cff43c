import { createHash, randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { AxiosTransport } from '../../lib/transport/axios-transport.js';
import { stopServers, TestServer, until } from '../support/test-server.js';

const MIB = 1024 * 1024;
const BODIES = Array.from({ length: 4 }, () => randomBytes(3 * MIB + 7));

describe('wideReads', () => {
  const transport = new AxiosTransport({ insecure: true });

  afterEach(async () => {
    await transport.close();
    await stopServers();
  });

  const get = async (server: TestServer, path: string): Promise<Readable> =>
    (await transport.send({ method: 'GET', url: server.url(path), headers: {} })).body;

  const digest = async (body: Readable): Promise<string> => {
    const hash = createHash('sha256');
    for await (const chunk of body) {
      hash.update(chunk as Buffer);
      // Others read into the same buffer meanwhile.
      await sleep(1);
    }
    return hash.digest('hex');
  };

  it.each(['http', 'https'] as const)('keeps bodies apart that arrive at once over %s', async (scheme) => {
    const server = await TestServer[scheme]((request, response) => {
      const body = BODIES[Number(request.url?.slice(1))] as Buffer;
      response.writeHead(200, { 'content-length': body.length }).end(body);
    });
    // Twice, so that the second time connections are used again.
    for (let round = 0; round < 2; round++) {
      const digests = await Promise.all(BODIES.map(async (_, i) => digest(await get(server, `/${i}`))));
      expect(digests).toEqual(BODIES.map((body) => createHash('sha256').update(body).digest('hex')));
    }
    expect(server.sockets.length).toBeLessThanOrEqual(BODIES.length);
  });

  it('lets the server wait while nobody reads', async () => {
    let taken = 0;
    const server = await TestServer.http((_, response) => {
      const more = (): void => {
        while (response.write(randomBytes(MIB))) taken += MIB;
        taken += MIB;
        if (taken < 200 * MIB) response.once('drain', more);
      };
      more();
    });
    const body = await get(server, '/');
    await sleep(200);
    const before = taken;
    // What the two ends of a connection hold on loopback.
    expect(before).toBeLessThan(32 * MIB);
    body.resume();
    await until(() => taken > before + 32 * MIB, 'more is taken once somebody reads');
    body.destroy();
  });
});
