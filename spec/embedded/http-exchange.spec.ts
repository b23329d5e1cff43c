import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from '@jest/globals';
import { exchange } from '../../lib/embedded/http-exchange.js';
import type { RegistryHandler, RegistryRequest, RegistryResponse } from '../../lib/embedded/message.js';

describe('exchange', () => {
  let server: Server;

  const start = async (handle: RegistryHandler['handle']): Promise<string> => {
    server = createServer((incoming, outgoing) => void exchange({ handle }, incoming, outgoing)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  it('hands on method, target and headers as they came', async () => {
    let seen: Partial<RegistryRequest> = {};
    const url = await start(({ body: _, ...request }) => {
      seen = request;
      return Promise.resolve({ status: 204, headers: {} });
    });
    await fetch(`${url}/v2/a%2Fb/tags/list?n=1&last=%2B`, { method: 'PUT', headers: { 'X-One': 'a', Accept: 'b, c' } });
    expect(seen).toMatchObject({ method: 'PUT', target: '/v2/a%2Fb/tags/list?n=1&last=%2B' });
    expect(seen.headers).toMatchObject({ 'x-one': 'a', accept: 'b, c' });
  });

  it('gives back status, headers and body', async () => {
    const answer: RegistryResponse = {
      status: 418,
      headers: { 'x-two': 'b', 'content-length': '7' },
      body: { size: 7, open: () => Promise.resolve(Readable.from(['con', 'tent'])) },
    };
    const response = await fetch(await start(() => Promise.resolve(answer)));
    expect([response.status, response.headers.get('x-two'), await response.text()]).toEqual([418, 'b', 'content']);
  });

  it('ends the connection when there is no answer', async () => {
    const url = await start(() => Promise.reject(new Error('the body broke off')));
    await expect(fetch(url)).rejects.toThrow();
  });

  it('ends the connection when the answer breaks off, instead of pretending it is whole', async () => {
    const open = () =>
      Readable.from(
        (function* () {
          yield Buffer.from('half');
          throw new Error('disk gone');
        })(),
      );
    const url = await start(() => Promise.resolve({ status: 200, headers: {}, body: { size: 100, open } }));
    const whole = fetch(url).then((response) => response.text());
    await expect(whole).rejects.toThrow();
  });
});
