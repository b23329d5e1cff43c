import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { collect, RegistryClient, RegistryError, type TransportRequest } from '../../lib/index.js';
import { ScriptedTransport } from '../../lib/testing/scripted-transport.js';

function requestOf(method: string, path: string, content?: string): TransportRequest {
  const body = content === undefined ? {} : { body: { open: () => Readable.from([Buffer.from(content)]) } };
  return { method, url: new URL(path, 'http://registry.test'), headers: { accept: '*/*' }, ...body };
}

describe('ScriptedTransport', () => {
  describe('in order', () => {
    it('answers each request with what the script says', async () => {
      const transport = new ScriptedTransport([
        { on: 'GET', path: '/v2/', reply: { status: 404, headers: { etag: 'x' }, body: 'not here' } },
        { on: 'post', path: /uploads\/$/, reply: { json: { a: 1 } } },
        {},
      ]);
      const first = await transport.send(requestOf('GET', '/v2/'));
      expect([first.status, first.url.pathname, await text(first.body)]).toEqual([404, '/v2/', 'not here']);
      expect(first.headers).toEqual({ etag: 'x', 'content-length': '8' });
      const second = await transport.send(requestOf('POST', '/v2/app/blobs/uploads/'));
      expect(second.headers).toEqual({ 'content-type': 'application/json', 'content-length': '7' });
      expect(await text(second.body)).toBe('{"a":1}');
      const third = await transport.send(requestOf('DELETE', '/anything'));
      expect([third.status, await text(third.body)]).toEqual([200, '']);
      transport.assertNoPending();
    });

    it('refuses what is not next, and says what is', async () => {
      const transport = new ScriptedTransport([
        { on: 'GET', path: '/v2/' },
        { on: 'PUT', path: /x/ },
      ]);
      await expect(transport.send(requestOf('PUT', '/x?token=secret'))).rejects.toMatchObject({
        code: 'UNEXPECTED_REQUEST',
        retryable: false,
        message: expect.stringMatching(/^PUT http:\/\/registry\.test\/x\?\S+ came, but GET \/v2\/ was expected next$/),
      });
      await transport.send(requestOf('GET', '/v2/'));
      await transport.send(requestOf('PUT', '/x'));
      await expect(transport.send(requestOf('GET', '/y'))).rejects.toThrow(/came, but nothing more was expected$/);
    });

    it('answers the same several times', async () => {
      const transport = new ScriptedTransport([{ path: '/a', times: 2 }, { path: '/b' }]);
      for (const path of ['/a', '/a', '/b']) await transport.send(requestOf('GET', path));
      transport.assertNoPending();
    });

    it('gives requests under way at the same time an exchange each', async () => {
      const slow = new Promise<{ status: number }>((resolve) => setTimeout(resolve, 20, { status: 201 }));
      const transport = new ScriptedTransport([{ reply: () => slow }, { reply: { status: 202 } }]);
      const answers = await Promise.all(['/a', '/b'].map((path) => transport.send(requestOf('PUT', path, 'body'))));
      expect(answers.map(({ status }) => status)).toEqual([201, 202]);
    });
  });

  describe('in any order', () => {
    it('takes the first exchange that fits', async () => {
      const script = [{ on: 'PUT', reply: { status: 201 } }, { path: '/a', reply: { status: 204 } }, { on: 'PUT' }];
      const transport = new ScriptedTransport(script, { inOrder: false });
      const statuses = [];
      for (const [method, path] of [
        ['GET', '/a'],
        ['PUT', '/b'],
        ['PUT', '/b'],
      ] as const) {
        statuses.push((await transport.send(requestOf(method, path))).status);
      }
      expect(statuses).toEqual([204, 201, 200]);
    });

    it('refuses what fits none, and names all', async () => {
      const transport = new ScriptedTransport([{ on: 'PUT' }, { path: '/a' }], { inOrder: false });
      await expect(transport.send(requestOf('GET', '/b'))).rejects.toThrow(
        /came, but expected is one of: PUT any path; any method \/a$/,
      );
    });
  });

  describe('the log', () => {
    it('has every request with its body', async () => {
      const transport = new ScriptedTransport([{}]);
      await transport.send(requestOf('PUT', '/v2/a?b=c', 'content'));
      await expect(transport.send(requestOf('GET', '/v2/'))).rejects.toThrow();
      expect(transport.calls).toEqual([
        {
          method: 'PUT',
          url: new URL('http://registry.test/v2/a?b=c'),
          headers: { accept: '*/*' },
          body: Buffer.from('content'),
          bodySize: 7,
        },
        expect.objectContaining({ method: 'GET', body: Buffer.alloc(0), bodySize: 0 }),
      ]);
    });

    it('counts bodies without keeping them, when asked', async () => {
      const transport = new ScriptedTransport([{}], { keepBodies: false });
      await transport.send(requestOf('PUT', '/', 'content'));
      expect(transport.calls[0]).toMatchObject({ bodySize: 7 });
      expect(transport.calls[0]).not.toHaveProperty('body');
    });
  });

  describe('a reply', () => {
    it('may be made from the request', async () => {
      const transport = new ScriptedTransport([
        { reply: ({ url, body }) => ({ headers: { location: `${url.pathname}/${String(body)}` } }) },
      ]);
      const { headers } = await transport.send(requestOf('POST', '/uploads', 'id'));
      expect(headers.location).toBe('/uploads/id');
    });

    it('may be an error', async () => {
      const error = new RegistryError('the line is cut', { code: 'ECONNRESET', retryable: true });
      await expect(new ScriptedTransport([{ reply: { error } }]).send(requestOf('GET', '/'))).rejects.toBe(error);
    });

    it('does not come to a request that is cancelled, before or meanwhile', async () => {
      const early = new ScriptedTransport([{}]);
      const reason = new Error('stop');
      await expect(early.send({ ...requestOf('GET', '/'), signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
      expect(early.calls).toEqual([]);
      const controller = new AbortController();
      const late = new ScriptedTransport([{ reply: () => (controller.abort(reason), {}) }]);
      await expect(late.send({ ...requestOf('GET', '/'), signal: controller.signal })).rejects.toBe(reason);
    });
  });

  describe('assertNoPending', () => {
    it('prints what never came, and what came instead', async () => {
      const transport = new ScriptedTransport([
        { on: 'GET', path: '/v2/' },
        { path: /manifests/, times: 3 },
      ]);
      await transport.send(requestOf('GET', '/v2/'));
      await transport.send(requestOf('PUT', '/v2/app/manifests/1'));
      await transport.send(requestOf('GET', '/other')).catch(() => undefined);
      expect(() => transport.assertNoPending()).toThrow(
        new Error(
          'any method /manifests/, 2 times never came\nGET http://registry.test/other came and was not expected',
        ),
      );
    });
  });

  it('may be asked the same without end, once at least', async () => {
    const transport = new ScriptedTransport([{ path: '/v2/', times: Infinity }], { inOrder: false });
    expect(() => transport.assertNoPending()).toThrow('any method /v2/ never came');
    for (let times = 0; times < 3; times++) await transport.send(requestOf('GET', '/v2/'));
    transport.assertNoPending();
  });

  it('tells a client of ours what it needs, and what the client asked', async () => {
    const transport = new ScriptedTransport([
      { on: 'GET', path: '/v2/app/tags/list', reply: { status: 503, headers: { 'retry-after': '0' } } },
      { on: 'GET', path: '/v2/app/tags/list', reply: { json: { name: 'app', tags: ['1', '2'] } } },
    ]);
    const client = new RegistryClient({ url: 'http://registry.test', transport, credentials: 'anonymous' });
    expect(await collect(client.listTags('app'))).toEqual(['1', '2']);
    transport.assertNoPending();
    await expect(client.checkConnectivity()).rejects.toThrow(/nothing more was expected/);
    expect(transport.calls).toHaveLength(3);
  });
});
