import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { startCountingProxy } from '../../bench/counting-proxy.mjs';
import { startLatencyProxy } from '../../bench/latency-proxy.mjs';

describe('a proxy in front of a registry', () => {
  let server: Server;
  let host: string;

  beforeEach(async () => {
    server = createServer((request, response) => {
      void text(request).then((body) => response.writeHead(201, { 'x-host': request.headers.host }).end(body));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  describe('that is far away', () => {
    it('answers after a round trip, and keeps the bytes in their order', async () => {
      const proxy = await startLatencyProxy(host, 60);
      try {
        const body = Array.from({ length: 50_000 }, String).join(' ');
        const start = performance.now();
        const answer = await fetch(`http://${proxy.host}/`, { method: 'POST', body });
        expect(performance.now() - start).toBeGreaterThanOrEqual(58);
        expect(await answer.text()).toBe(body);
      } finally {
        proxy.stop();
      }
    });

    it('delays many requests together as it delays one', async () => {
      const proxy = await startLatencyProxy(host, 100);
      try {
        const start = performance.now();
        await Promise.all(Array.from({ length: 10 }, () => fetch(`http://${proxy.host}/`)));
        expect(performance.now() - start).toBeLessThan(900);
      } finally {
        proxy.stop();
      }
    });
  });

  describe('that counts', () => {
    it('tells requests and bytes since it was last asked, and stands in the Host header', async () => {
      const proxy = await startCountingProxy(host);
      try {
        const answer = await fetch(`http://${proxy.host}/v2/blobs?digest=1`, { method: 'PUT', body: 'seven b' });
        expect([answer.status, answer.headers.get('x-host'), await answer.text()]).toEqual([
          201,
          proxy.host,
          'seven b',
        ]);
        await (await fetch(`http://${proxy.host}/v2/`)).text();
        expect(proxy.take()).toEqual({ requests: ['PUT /v2/blobs?digest=1', 'GET /v2/'], sent: 7 });
        expect(proxy.take()).toEqual({ requests: [], sent: 0 });
      } finally {
        proxy.stop();
      }
    });
  });
});
