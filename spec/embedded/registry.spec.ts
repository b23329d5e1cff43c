import { Readable } from 'node:stream';
import { json } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { MemoryStore } from '../../lib/embedded/memory-store.js';
import type { RegistryRequest, RegistryResponse } from '../../lib/embedded/message.js';
import { EmbeddedRegistry } from '../../lib/embedded/registry.js';

function requestOf(method: string, target: string, changes: Partial<RegistryRequest> = {}): RegistryRequest {
  return { method, target, headers: {}, body: Readable.from([]), ...changes };
}

async function codeOf({ status, body }: RegistryResponse): Promise<string> {
  const { errors } = (await json(await body!.open())) as { errors: { code: string }[] };
  return `${status} ${errors[0]?.code}`;
}

describe('EmbeddedRegistry', () => {
  const registry = new EmbeddedRegistry();

  it.each(['/v2/', '/v2', '/v2/?x=y'])('says at %s that it is one', async (target) => {
    const { status, headers, body } = await registry.handle(requestOf('GET', target));
    expect(status).toBe(200);
    expect(headers).toEqual({
      'content-type': 'application/json',
      'content-length': '2',
      'docker-distribution-api-version': 'registry/2.0',
    });
    expect(await json(await body!.open())).toEqual({});
  });

  it('answers HEAD like GET, without a body', async () => {
    const { status, headers, body } = await registry.handle(requestOf('HEAD', '/v2/'));
    expect([status, headers['content-length'], body]).toEqual([200, '2', undefined]);
  });

  it('names the API version and a length on errors too', async () => {
    const answer = await registry.handle(requestOf('GET', '/v2/app/tags/list'));
    expect(answer.headers).toMatchObject({
      'docker-distribution-api-version': 'registry/2.0',
      'content-type': 'application/json',
      'content-length': String(answer.body?.size),
    });
    expect(await codeOf(answer)).toBe('404 NAME_UNKNOWN');
    const head = await registry.handle(requestOf('HEAD', '/v2/app/tags/list'));
    expect([head.status, head.body]).toEqual([404, undefined]);
  });

  it.each(['/', '/v1/', '/v2/app', '/favicon.ico'])('knows no endpoint %s', async (target) => {
    expect(await codeOf(await registry.handle(requestOf('GET', target)))).toBe('404 UNSUPPORTED');
  });

  it.each([
    ['POST', '/v2/', 'GET, HEAD'],
    ['PUT', '/v2/_catalog', 'GET, HEAD'],
    ['DELETE', '/v2/app/tags/list', 'GET, HEAD'],
    ['POST', '/v2/app/manifests/v1', 'GET, HEAD, PUT, DELETE'],
    ['PUT', '/v2/app/blobs/sha256:0', 'GET, HEAD, DELETE'],
    ['GET', '/v2/app/blobs/uploads/', 'POST'],
    ['POST', '/v2/app/blobs/uploads/id', 'GET, HEAD, PATCH, PUT, DELETE'],
    ['BREW', '/v2/', 'GET, HEAD'],
    ['constructor', '/v2/', 'GET, HEAD'],
    ['__proto__', '/v2/', 'GET, HEAD'],
  ])('does not support %s %s and says what it does', async (method, target, allow) => {
    const answer = await registry.handle(requestOf(method, target));
    expect([await codeOf(answer), answer.headers.allow]).toEqual(['405 UNSUPPORTED', allow]);
  });

  it.each([
    '/v2/App/tags/list',
    '/v2/a//b/tags/list',
    '/v2//tags/list',
    '/v2/../tags/list',
    '/v2/a%2F..%2Fb/tags/list',
    '/v2/a%00b/tags/list',
    '/v2/a%252Fb/tags/list',
    '/v2/-a/manifests/v1',
    '/v2/_x/blobs/uploads/id',
    `/v2/${'a'.repeat(256)}/tags/list`,
    '/v2/a%zz/tags/list',
  ])('refuses the name in %s', async (target) => {
    expect(await codeOf(await registry.handle(requestOf('GET', target)))).toBe('400 NAME_INVALID');
  });

  it('decodes a name once', async () => {
    const store = new MemoryStore();
    const request = requestOf('POST', '/v2/team%2Fapp/blobs/uploads/');
    const { headers } = await new EmbeddedRegistry({ store }).handle(request);
    expect(headers.location).toMatch(/^\/v2\/team\/app\/blobs\/uploads\//);
  });

  it('answers 500 when the store fails', async () => {
    const store = new MemoryStore();
    store.listRepositories = () => {
      throw new Error('disk full');
    };
    const answer = await new EmbeddedRegistry({ store }).handle(requestOf('GET', '/v2/_catalog'));
    expect(await codeOf(answer)).toBe('500 UNKNOWN');
  });

  it('rejects when the body of the request fails, for nobody is left to answer', async () => {
    const { headers } = await registry.handle(requestOf('POST', '/v2/app/blobs/uploads/'));
    const body = new Readable({ read: () => {} });
    const answer = registry.handle(requestOf('PATCH', headers.location ?? '', { body }));
    body.destroy(new Error('connection lost'));
    await expect(answer).rejects.toThrow('connection lost');
  });

  it('leaves a body alone that it does not need', async () => {
    const body = Readable.from([Buffer.from('content')]);
    await registry.handle(requestOf('PATCH', '/v2/app/blobs/uploads/nobody', { body }));
    expect([body.destroyed, body.readableDidRead]).toEqual([false, false]);
  });
});
