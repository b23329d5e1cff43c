import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { BearerAuth } from '../../lib/embedded/bearer-auth.js';
import type { RegistryResponse } from '../../lib/embedded/message.js';
import { InvalidArgumentError } from '../../lib/errors.js';
import { AskedHandler, basic, bodyOfAnswer, outcomeOfAnswer, requestOf } from '../support/handlers.js';

const credentials = { username: 'alice', password: 'pässword' };
const TAGS = '/v2/team/app/tags/list';
const PULL = 'scope=repository%3Ateam%2Fapp%3Apull';

interface Grant {
  token: string;
  access_token: string;
  refresh_token?: string;
  expires_in: number;
  scope: string;
}

async function grantOf(answer: RegistryResponse): Promise<Grant> {
  expect(answer.status).toBe(200);
  return JSON.parse((await bodyOfAnswer(answer)).toString()) as Grant;
}

describe('BearerAuth', () => {
  let inner: AskedHandler;
  let registry: BearerAuth;

  beforeEach(() => {
    inner = new AskedHandler();
    registry = new BearerAuth(inner, { credentials });
  });

  afterEach(() => void jest.useRealTimers());

  const get = (target: string, headers: Record<string, string> = {}) =>
    registry.handle(requestOf('GET', target, { headers }));
  const askForToken = (query: string) => get(`/token?${query}`, basic(credentials.username, credentials.password));
  const post = (form: Record<string, string>) => {
    const body = new URLSearchParams({ service: 'registry', client_id: 'spec', ...form }).toString();
    return registry.handle(requestOf('POST', '/token', { body }));
  };
  const tokenFor = async (scope = PULL) => (await grantOf(await askForToken(`service=registry&${scope}`))).token;
  const withToken = (token: string, target = TAGS, method = 'GET') =>
    registry.handle(requestOf(method, target, { headers: { authorization: `Bearer ${token}` } }));

  describe('a request without a token', () => {
    it('is told where to get one, and what it must cover', async () => {
      const answer = await get(TAGS, { host: 'localhost:5000' });
      expect(answer.headers['www-authenticate']).toBe(
        'Bearer realm="http://localhost:5000/token",service="registry",scope="repository:team/app:pull"',
      );
      expect(await outcomeOfAnswer(answer)).toBe('401 UNAUTHORIZED');
      expect(inner.requests).toEqual([]);
    });

    it('is told so relative to itself where no host is known, or a host that is none', async () => {
      for (const headers of [{}, { host: 'a"b' }]) {
        const answer = await get('/v2/', headers);
        expect(answer.headers['www-authenticate']).toBe('Bearer realm="/token",service="registry"');
      }
    });

    it('cannot write into the challenge', async () => {
      expect(await outcomeOfAnswer(await get('/v2/a%22b/tags/list'))).toBe('400 NAME_INVALID');
    });
  });

  describe('a token', () => {
    it('lets in', async () => {
      expect((await withToken(await tokenFor())).status).toBe(200);
      expect(inner.requests).toHaveLength(1);
    });

    it('lets into nothing it was not asked for', async () => {
      const token = await tokenFor();
      for (const [target, method, scope] of [
        ['/v2/other/tags/list', 'GET', 'repository:other:pull'],
        ['/v2/team/app/manifests/1', 'PUT', 'repository:team/app:pull,push'],
        ['/v2/_catalog', 'GET', 'registry:catalog:*'],
      ] as const) {
        const { status, headers } = await withToken(token, target, method);
        expect(status).toBe(401);
        expect(headers['www-authenticate']).toMatch(`scope="${scope}",error="insufficient_scope"`);
      }
      expect(inner.requests).toEqual([]);
    });

    it('may cover several repositories, as a mount needs', async () => {
      const mount = '/v2/team/app/blobs/uploads/?mount=sha256:00&from=base';
      expect((await withToken(await tokenFor(PULL), mount, 'POST')).status).toBe(401);
      const both = 'scope=repository:team/app:pull,push&scope=repository:base:pull';
      expect((await withToken(await tokenFor(both), mount, 'POST')).status).toBe(200);
    });

    it('that was never given out is not valid', async () => {
      expect((await withToken('made-up')).headers['www-authenticate']).toMatch(/error="invalid_token"$/);
    });

    it('expires after its time', async () => {
      jest.useFakeTimers({ now: 0 });
      const token = await tokenFor();
      jest.setSystemTime(299_000);
      expect((await withToken(token)).status).toBe(200);
      jest.setSystemTime(300_000);
      expect((await withToken(token)).headers['www-authenticate']).toMatch(/error="invalid_token"$/);
    });

    it('expires when it is told to', async () => {
      const token = await tokenFor();
      registry.expireTokens();
      expect((await withToken(token)).headers['www-authenticate']).toMatch(/error="invalid_token"$/);
      expect((await withToken(await tokenFor())).status).toBe(200);
    });
  });

  describe('the token server', () => {
    it('answers GET with a token in both its names, and how long it lives', async () => {
      const grant = await grantOf(await askForToken(`service=registry&${PULL}`));
      expect(grant).toMatchObject({ expires_in: 300, scope: 'repository:team/app:pull' });
      expect(grant.token).toBe(grant.access_token);
      expect(grant.refresh_token).toBeUndefined();
    });

    it('refuses a wrong password, and nobody', async () => {
      expect(await outcomeOfAnswer(await get('/token?service=registry'))).toBe('401 UNAUTHORIZED');
      expect(await outcomeOfAnswer(await get('/token?service=registry', basic('alice', 'wrong')))).toBe(
        '401 UNAUTHORIZED',
      );
    });

    it('refuses another service, and other methods', async () => {
      expect((await askForToken('service=other')).status).toBe(400);
      expect((await registry.handle(requestOf('PUT', '/token'))).status).toBe(405);
    });

    it('gives a refresh token to those who ask, which is good for more tokens', async () => {
      const { refresh_token = '' } = await grantOf(await askForToken('service=registry&offline_token=true'));
      const form = { grant_type: 'refresh_token', refresh_token, scope: 'repository:team/app:pull repository:b:pull' };
      const grant = await grantOf(await post(form));
      expect(grant).toMatchObject({ scope: form.scope, refresh_token });
      expect((await withToken(grant.access_token)).status).toBe(200);
      expect((await post({ ...form, refresh_token: 'made-up' })).status).toBe(401);
    });

    it('takes a password by POST, and gives a refresh token for offline use', async () => {
      const form = { grant_type: 'password', ...credentials, scope: 'repository:team/app:pull' };
      const grant = await grantOf(await post(form));
      expect((await withToken(grant.access_token)).status).toBe(200);
      expect(grant.refresh_token).toBeUndefined();
      const offline = await grantOf(await post({ ...form, access_type: 'offline' }));
      const refresh = { grant_type: 'refresh_token', refresh_token: offline.refresh_token! };
      expect((await post(refresh)).status).toBe(200);
    });

    it('refuses a POST with a wrong password, another grant, no client_id, or without an end', async () => {
      const statusOf = async (form: Record<string, string>) => (await post(form)).status;
      expect(await statusOf({ grant_type: 'password', username: 'alice', password: 'x' })).toBe(401);
      expect(await statusOf({ grant_type: 'client_credentials', ...credentials })).toBe(401);
      expect(await statusOf({ grant_type: 'password', ...credentials, client_id: '' })).toBe(400);
      expect(await statusOf({ grant_type: 'password', filler: 'x'.repeat(70_000) })).toBe(413);
    });
  });

  it('grants a user no more than it may do', async () => {
    registry = new BearerAuth(inner, { credentials, actions: ['pull'] });
    const { token, scope } = await grantOf(await askForToken('service=registry&scope=repository:team/app:pull,push'));
    expect(scope).toBe('repository:team/app:pull');
    const refused = await withToken(token, '/v2/team/app/blobs/uploads/', 'POST');
    expect(refused.headers['www-authenticate']).toMatch(/error="insufficient_scope"$/);
  });

  it('cannot be made with a lifetime that is none, or a name Basic cannot carry', () => {
    expect(() => new BearerAuth(inner, { credentials, tokenLifetime: 0 })).toThrow(InvalidArgumentError);
    expect(() => new BearerAuth(inner, { credentials: { username: 'a:b', password: '' } })).toThrow(
      InvalidArgumentError,
    );
  });
});
