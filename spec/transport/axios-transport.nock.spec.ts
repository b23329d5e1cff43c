import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import nock from 'nock';
import { RegistryError } from '../../lib/errors.js';
import { AxiosTransport } from '../../lib/transport/axios-transport.js';
import type { TransportRequest } from '../../lib/transport/transport.js';

// In a file of its own: once imported, nock stands before every request of the process, those to real servers too.
describe('AxiosTransport before nock', () => {
  const REGISTRY = 'http://registry.example';

  const transport = new AxiosTransport();
  const requestFor = (path: string, method = 'GET', more: Partial<TransportRequest> = {}): TransportRequest => ({
    method,
    url: new URL(path, REGISTRY),
    headers: {},
    ...more,
  });

  beforeEach(() => nock.disableNetConnect());

  afterEach(() => {
    nock.abortPendingRequests();
    nock.cleanAll();
  });

  afterAll(async () => {
    nock.enableNetConnect();
    nock.restore();
    await transport.close();
  });

  it('asks for what it is told to', async () => {
    const scope = nock(REGISTRY, { reqheaders: { accept: 'application/json', 'accept-encoding': 'identity' } })
      .get('/v2/app/tags/list?n=2')
      .reply(200, { name: 'app', tags: ['v1'] }, { Link: '</next>; rel="next"' });
    const request = requestFor('/v2/app/tags/list?n=2');
    const response = await transport.send({ ...request, headers: { accept: 'application/json' } });
    expect(response).toMatchObject({ status: 200, headers: { link: '</next>; rel="next"' } });
    expect(JSON.parse(await text(response.body))).toEqual({ name: 'app', tags: ['v1'] });
    scope.done();
  });

  it('sends a streamed body whole', async () => {
    const content = randomBytes(300_000);
    const scope = nock(REGISTRY)
      .patch('/upload', (body: string) => Buffer.from(body, 'hex').equals(content))
      .reply(202, '', { Location: '/upload?state=1' });
    const body = { open: () => Readable.from([content.subarray(0, 100_000), content.subarray(100_000)]) };
    const response = await transport.send(requestFor('/upload', 'PATCH', { body }));
    expect(response).toMatchObject({ status: 202, headers: { location: '/upload?state=1' } });
    scope.done();
  });

  it.each([401, 404, 429, 500])('takes the status %i for an answer', async (status) => {
    nock(REGISTRY).get('/v2/').reply(status, { errors: [] });
    const response = await transport.send(requestFor('/v2/'));
    expect(response.status).toBe(status);
    expect(await text(response.body)).toBe('{"errors":[]}');
  });

  it('says what broke', async () => {
    const broken = Object.assign(new Error('getaddrinfo ENOTFOUND registry.example'), { code: 'ENOTFOUND' });
    nock(REGISTRY).get('/v2/').replyWithError(broken);
    const error = await transport.send(requestFor('/v2/')).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(RegistryError);
    expect(error).toMatchObject({ code: 'ENOTFOUND', retryable: false, url: `${REGISTRY}/v2/` });
    expect(String(error)).toContain('Is the host name right?');
  });

  it('can be aborted while it waits for the answer', async () => {
    nock(REGISTRY).get('/v2/').delay(10_000).reply(200);
    const abort = new AbortController();
    const sending = transport.send(requestFor('/v2/', 'GET', { signal: abort.signal }));
    setTimeout(() => abort.abort(new Error('enough')), 20);
    await expect(sending).rejects.toThrow('enough');
  });
});
