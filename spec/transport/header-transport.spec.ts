import { describe, expect, it } from '@jest/globals';
import { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { HeaderTransport } from '../../lib/transport/header-transport.js';
import type { Transport } from '../../lib/transport/transport.js';

describe('HeaderTransport', () => {
  /** Has headers for one origin, and for no other. */
  function create() {
    const asked: string[] = [];
    const sent: Readonly<Record<string, string>>[] = [];
    const inner: Transport = {
      send: ({ url, headers }) => {
        sent.push(headers);
        return Promise.resolve({ status: 200, url, headers: {}, body: Readable.from([]) });
      },
    };
    const transport = new HeaderTransport(inner, (url) => {
      asked.push(url.href);
      return url.origin === 'https://a.test' ? { 'x-key': 'hunter2', 'x-team': 'build' } : undefined;
    });
    const send = (url: string, headers = {}) => transport.send({ method: 'GET', url: new URL(url), headers });
    return { transport, send, sent, asked };
  }

  it('adds what a server wants, and lets the request have the last word', async () => {
    const { send, sent } = create();
    await send('https://a.test/v2/', { 'x-team': 'own', accept: 'x' });
    expect(sent).toEqual([{ 'x-key': 'hunter2', 'x-team': 'own', accept: 'x' }]);
  });

  it('asks once for each origin, and gives none the headers of another', async () => {
    const { send, sent, asked } = create();
    const origins = ['https://a.test', 'https://a.test:8443', 'http://a.test', 'https://b.test'];
    for (const origin of origins) for (const path of ['/1', '/2']) await send(`${origin}${path}`);
    expect(sent.map((headers) => Object.keys(headers).length)).toEqual([2, 2, 0, 0, 0, 0, 0, 0]);
    expect(asked).toEqual(origins.map((origin) => `${origin}/1`));
  });

  it('shows them to nobody', async () => {
    const { transport, send } = create();
    await send('https://a.test/');
    expect(inspect(transport, { depth: 9, showHidden: true })).not.toContain('x-key');
  });
});
