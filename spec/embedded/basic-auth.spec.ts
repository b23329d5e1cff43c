import { beforeEach, describe, expect, it } from '@jest/globals';
import { BasicAuth } from '../../lib/embedded/basic-auth.js';
import { InvalidArgumentError } from '../../lib/errors.js';
import { AskedHandler, basic, outcomeOfAnswer, requestOf } from '../support/handlers.js';

describe('BasicAuth', () => {
  let inner: AskedHandler;
  let registry: BasicAuth;

  beforeEach(() => {
    inner = new AskedHandler();
    registry = new BasicAuth(inner, { username: 'alice', password: 'pässword:with colon' });
  });

  it('asks those who say nothing who they are', async () => {
    const answer = await registry.handle(requestOf('GET', '/v2/'));
    expect(answer.headers).toMatchObject({
      'www-authenticate': 'Basic realm="registry", charset="UTF-8"',
      'docker-distribution-api-version': 'registry/2.0',
      'content-length': String(answer.body?.size),
    });
    expect(await outcomeOfAnswer(answer)).toBe('401 UNAUTHORIZED');
    expect(inner.requests).toEqual([]);
  });

  it('lets the user through', async () => {
    const request = requestOf('GET', '/v2/', { headers: basic('alice', 'pässword:with colon') });
    expect((await registry.handle(request)).status).toBe(200);
    expect(inner.requests).toEqual([request]);
  });

  it.each([
    ['a wrong password', basic('alice', 'password')],
    ['a password that only begins right', basic('alice', 'pässword:with colon and more')],
    ['another user', basic('bob', 'pässword:with colon')],
    ['another scheme', { authorization: 'Bearer abc' }],
    ['no base64', { authorization: 'Basic ***' }],
    ['no colon', { authorization: `Basic ${Buffer.from('alice').toString('base64')}` }],
  ])('does not let through %s', async (_, headers) => {
    expect(await outcomeOfAnswer(await registry.handle(requestOf('PUT', '/v2/x', { headers })))).toBe(
      '401 UNAUTHORIZED',
    );
    expect(inner.requests).toEqual([]);
  });

  it('says no to HEAD without a body', async () => {
    const answer = await registry.handle(requestOf('HEAD', '/v2/'));
    expect([answer.status, answer.body]).toEqual([401, undefined]);
  });

  it.each([
    ['a colon in the name', { username: 'a:b', password: 'x' }],
    ['no name', { username: '', password: 'x' }],
    ['no password', { username: 'a' } as { username: string; password: string }],
  ])('cannot be made with %s', (_, credentials) => {
    expect(() => new BasicAuth(inner, credentials)).toThrow(InvalidArgumentError);
  });
});
