import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { AuthenticationError, InvalidArgumentError, RegistryError } from '../../lib/errors.js';
import { type AuthOptions, AuthTransport } from '../../lib/transport/auth-transport.js';
import { basicAuthorization, type Credentials, type CredentialsProvider } from '../../lib/transport/credentials.js';
import type { TransportRequest } from '../../lib/transport/transport.js';
import { type FakeHandler, type FakeReply, FakeTransport } from '../support/fake-transport.js';

const REGISTRY = new URL('https://registry.example');
const BASIC: Credentials = { username: 'user', password: 'hunter2' };
const BASIC_HEADER = `Basic ${Buffer.from('user:hunter2').toString('base64')}`;
const PULL_PUSH = 'repository:app:pull,push';
const denied: FakeReply = { status: 401, headers: { 'www-authenticate': 'Basic realm="registry"' }, body: 'denied' };

function bearer(more = '', realm = 'https://auth.example/token'): FakeReply {
  return {
    status: 401,
    headers: { 'www-authenticate': `Bearer realm="${realm}",service="registry.example"${more}` },
    body: 'denied',
  };
}

function request(path: string, more: Partial<TransportRequest> = {}): TransportRequest {
  return { method: 'GET', url: new URL(path, REGISTRY), headers: {}, ...more };
}

interface Setup extends Partial<Omit<AuthOptions, 'credentials'>> {
  credentials?: Credentials | CredentialsProvider;
}

function setUp(handler: FakeHandler, { credentials, ...options }: Setup = {}) {
  const inner = new FakeTransport(handler);
  const provider = jest.fn<CredentialsProvider>(
    typeof credentials === 'function' ? credentials : () => Promise.resolve(credentials),
  );
  const auth = new AuthTransport(inner, { registry: REGISTRY, ...options, credentials: provider });
  const sent = () =>
    inner.requests.map(({ url, headers }) => `${url.host}${url.pathname} ${headers.authorization ?? '-'}`);
  return { inner, auth, provider, sent };
}

/** A registry whose token server numbers its tokens, and the scopes each was asked for. */
class TokenRegistry {
  readonly granted: string[][] = [];
  readonly revoked = new Set<string>();
  challenge: (request: TransportRequest) => FakeReply = () => bearer(`,scope="${PULL_PUSH}"`);

  readonly handle = (request: TransportRequest): FakeReply => {
    if (request.url.host === 'auth.example') return this.grant(request.url);
    const token = /^Bearer t(\d+)$/.exec(request.headers.authorization ?? '')?.[1];
    return token === undefined || this.revoked.has(`t${token}`) ? this.challenge(request) : { body: 'content' };
  };

  private grant(url: URL): FakeReply {
    const count = this.granted.push(url.searchParams.getAll('scope'));
    return { body: JSON.stringify({ token: `t${count}`, expires_in: 300 }) };
  }
}

describe('AuthTransport', () => {
  describe('when the registry asks for nothing', () => {
    it('adds nothing and asks nobody', async () => {
      const { auth, sent, provider } = setUp(() => ({}), { credentials: BASIC });
      await auth.send(request('/v2/'));
      await auth.send(request('/v2/', { scopes: [PULL_PUSH] }));
      expect(sent()).toEqual(['registry.example/v2/ -', 'registry.example/v2/ -']);
      expect(provider).not.toHaveBeenCalled();
    });

    it('hands the very response on', async () => {
      const body = Readable.from(['x']);
      const { auth } = setUp(() => ({ status: 404, headers: { a: 'b' }, body }));
      const response = await auth.send(request('/v2/'));
      expect(response).toMatchObject({ status: 404, headers: { a: 'b' } });
      expect(response.body).toBe(body);
    });

    it('still signs in when a later request asks for it', async () => {
      const { auth } = setUp(
        ({ url, headers }) => (url.pathname === '/v2/' || headers.authorization === BASIC_HEADER ? {} : denied),
        { credentials: BASIC },
      );
      await auth.send(request('/v2/'));
      await expect(auth.send(request('/v2/app/blobs/uploads/'))).resolves.toMatchObject({ status: 200 });
    });
  });

  describe('when the registry asks for Basic', () => {
    const isUser = ({ headers }: TransportRequest) => headers.authorization === BASIC_HEADER;

    it('sends username and password on the second try and ahead of all later requests', async () => {
      const { auth, sent, provider, inner } = setUp((r) => (isUser(r) ? {} : denied), { credentials: BASIC });
      await expect(auth.send(request('/v2/a'))).resolves.toMatchObject({ status: 200 });
      await auth.send(request('/v2/b'));
      expect(sent()).toEqual([
        'registry.example/v2/a -',
        `registry.example/v2/a ${BASIC_HEADER}`,
        `registry.example/v2/b ${BASIC_HEADER}`,
      ]);
      expect(provider.mock.calls.map(([registry]) => registry)).toEqual(['registry.example']);
      expect(inner.openBodies).toBe(2); // the two 200s, which nobody has read
    });

    it('names the port of the registry to the provider', async () => {
      const registry = new URL('https://registry.example:5000');
      const { auth, provider } = setUp(() => denied, { registry });
      await auth.send({ method: 'GET', url: new URL('/v2/', registry), headers: {} });
      expect(provider.mock.calls.map(([name]) => name)).toEqual(['registry.example:5000']);
    });

    it.each([
      ['nobody', undefined],
      ['an identity token', { identityToken: 'i' }],
      ['a registry token', { registryToken: 'r' }],
    ])('returns the 401 with its body for %s', async (_, credentials) => {
      const { auth, inner } = setUp(() => denied, credentials && { credentials });
      const response = await auth.send(request('/v2/a'));
      expect(response).toMatchObject({ status: 401, headers: denied.headers });
      await expect(text(response.body)).resolves.toBe('denied');
      expect(inner.requests).toHaveLength(1);
    });

    it('returns the second 401', async () => {
      const { auth, inner } = setUp(() => denied, { credentials: BASIC });
      await expect(auth.send(request('/v2/a'))).resolves.toMatchObject({ status: 401 });
      expect(inner.requests).toHaveLength(2);
      await expect(auth.send(request('/v2/a'))).resolves.toMatchObject({ status: 401 });
      expect(inner.requests).toHaveLength(3);
      expect(inner.openBodies).toBe(0);
    });

    it('asks the provider again when the registry no longer takes the password', async () => {
      let password = 'hunter2';
      const valid = () => `Basic ${Buffer.from(`user:${password}`).toString('base64')}`;
      const { auth, inner } = setUp(({ headers }) => (headers.authorization === valid() ? {} : denied), {
        credentials: () => Promise.resolve({ username: 'user', password }),
      });
      await auth.send(request('/v2/a'));
      password = 'hunter3';
      await expect(auth.send(request('/v2/b'))).resolves.toMatchObject({ status: 200 });
      expect(inner.requests).toHaveLength(4);
    });

    it('tells the provider what was refused, and nothing as long as all is well', async () => {
      const given = [1, 2].map((n) => ({ username: 'user', password: `p${n}` }));
      let valid = 0;
      const { auth, provider } = setUp(
        ({ headers }) => (headers.authorization === basicAuthorization(given[valid]) ? {} : denied),
        { credentials: () => Promise.resolve(given[valid]) },
      );
      for (const path of ['/v2/a', '/v2/b']) await auth.send(request(path));
      expect(provider.mock.calls).toEqual([['registry.example', undefined, undefined]]);
      valid = 1;
      await expect(auth.send(request('/v2/c'))).resolves.toMatchObject({ status: 200 });
      expect(provider.mock.calls.slice(1)).toEqual([['registry.example', undefined, given[0]]]);
    });

    it('asks once for all that were refused with the same password, also when it is the same again', async () => {
      let isGood = true;
      const { auth, provider, inner } = setUp((r) => (isUser(r) && isGood ? {} : denied), { credentials: BASIC });
      await auth.send(request('/v2/a'));
      isGood = false;
      const all = await Promise.all([1, 2, 3, 4].map((n) => auth.send(request(`/v2/${n}`))));
      expect(all.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
      expect(provider).toHaveBeenCalledTimes(2);
      expect(inner.requests).toHaveLength(2 + 4);
    });

    describe('and answers 403 to a password that has expired, as ECR does', () => {
      const forbidden: FakeReply = { status: 403, body: 'denied' };
      let valid: string;
      let clock: { now: number };
      beforeEach(() => {
        valid = 'p1';
        clock = { now: 0 };
      });

      async function signedIn(next: () => string) {
        const isValid = ({ headers }: TransportRequest) =>
          headers.authorization === basicAuthorization({ username: 'user', password: valid });
        const { auth, provider, inner } = setUp(
          (r) => (isValid(r) ? {} : r.headers.authorization === undefined ? denied : forbidden),
          { now: () => clock.now, credentials: () => Promise.resolve({ username: 'user', password: next() }) },
        );
        await auth.send(request('/v2/a'));
        valid = 'p2';
        return { auth, provider, inner };
      }

      it('asks the provider again', async () => {
        const { auth, provider } = await signedIn(() => valid);
        clock.now = 12 * 3_600_000;
        const all = await Promise.all([1, 2, 3].map((n) => auth.send(request(`/v2/${n}`))));
        expect(all.map(({ status }) => status)).toEqual([200, 200, 200]);
        expect(provider).toHaveBeenCalledTimes(2);
      });

      it('returns the 403 when there is no other password, and when a fresh one gets it, too', async () => {
        const { auth, provider, inner } = await signedIn(() => 'p1');
        clock.now = 12 * 3_600_000;
        for (const path of ['/v2/b', '/v2/c']) {
          const response = await auth.send(request(path));
          expect(response.status).toBe(403);
          await expect(text(response.body)).resolves.toBe('denied');
        }
        expect(provider).toHaveBeenCalledTimes(2);
        expect(inner.requests).toHaveLength(2 + 2);
      });
    });

    it('never loops with a provider that always has another password', async () => {
      let count = 0;
      const { auth, inner } = setUp(() => denied, {
        credentials: () => Promise.resolve({ username: 'user', password: `p${(count += 1)}` }),
      });
      await expect(auth.send(request('/v2/a'))).resolves.toMatchObject({ status: 401 });
      expect(inner.requests).toHaveLength(2);
    });

    it('asks the provider once for requests that start together', async () => {
      const { auth, inner, provider } = setUp((r) => (isUser(r) ? {} : denied), {
        credentials: () => new Promise((resolve) => setTimeout(resolve, 10, BASIC)),
      });
      const all = await Promise.all([1, 2, 3, 4].map((n) => auth.send(request(`/v2/${n}`))));
      expect(all.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
      expect(inner.requests).toHaveLength(5);
      expect(provider).toHaveBeenCalledTimes(1);
    });

    it('asks the provider once for requests refused together', async () => {
      const { auth, provider } = setUp((r) => (isUser(r) || r.url.pathname === '/v2/' ? {} : denied), {
        credentials: BASIC,
      });
      await auth.send(request('/v2/'));
      const all = await Promise.all([1, 2, 3, 4].map((n) => auth.send(request(`/v2/${n}`))));
      expect(all.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
      expect(provider).toHaveBeenCalledTimes(1);
    });

    describe('and many requests start together', () => {
      const hasPassword = ({ headers }: TransportRequest) => headers.authorization !== undefined;
      const many = (auth: AuthTransport, more: Partial<TransportRequest> = {}) =>
        [1, 2, 3, 4, 5, 6, 7, 8].map((n) => auth.send(request(`/v2/app/${n}`, more)));

      it.each([
        ['all of them', 401],
        ['all but the first, which anybody may see', 200],
      ])('tries a wrong password twice at most, because registries lock accounts: %s', async (_, first) => {
        const handler = ({ url }: TransportRequest) => (url.pathname === '/v2/app/1' && first === 200 ? {} : denied);
        const { auth, inner } = setUp(handler, { credentials: BASIC });
        const all = await Promise.all(many(auth));
        expect(all.map(({ status }) => status)).toEqual([first, ...Array<number>(7).fill(401)]);
        expect(inner.requests.filter(hasPassword)).toHaveLength(2);
      });

      it('lets all go once the password was let in', async () => {
        let answer!: () => void;
        const answered = new Promise<void>((resolve) => (answer = resolve));
        const { auth, inner } = setUp((r) => (isUser(r) ? answered.then(() => ({})) : denied), { credentials: BASIC });
        const all = many(auth);
        await new Promise((resolve) => setTimeout(resolve, 5));
        expect(inner.requests.filter(isUser)).toHaveLength(1);
        answer();
        expect((await Promise.all(all)).map(({ status }) => status)).toEqual(Array(8).fill(200));
      });

      it('tries again for whoever comes later', async () => {
        let isDown = true;
        const { auth } = setUp((r) => (isUser(r) && !isDown ? {} : denied), { credentials: BASIC });
        await Promise.all(many(auth));
        isDown = false;
        const all = await Promise.all(many(auth));
        expect(all.map(({ status }) => status)).toEqual(Array(8).fill(200));
      });
    });

    it('rejects with what the provider throws, and asks it again the next time', async () => {
      const failure = new AuthenticationError('helper failed', { code: 'X' });
      let fails = true;
      const { auth, inner } = setUp((r) => (isUser(r) ? {} : denied), {
        credentials: () => (fails ? Promise.reject(failure) : Promise.resolve(BASIC)),
      });
      await expect(auth.send(request('/v2/a'))).rejects.toBe(failure);
      await expect(auth.send(request('/v2/a'))).rejects.toBe(failure);
      fails = false;
      await expect(auth.send(request('/v2/a'))).resolves.toMatchObject({ status: 200 });
      expect(inner.requests.filter((r) => !isUser(r))).toHaveLength(1);
    });

    it('refuses unusable credentials', async () => {
      const { auth } = setUp(() => denied, { credentials: { username: 'a:b', password: 'p' } });
      await expect(auth.send(request('/v2/a'))).rejects.toBeInstanceOf(InvalidArgumentError);
    });
  });

  describe('when the registry asks for Bearer', () => {
    it('gets a token for what the challenge and the request name, challenge first', async () => {
      const registry = new TokenRegistry();
      registry.challenge = () => bearer(',scope="repository:app:pull repository:base:pull"');
      const { auth, sent, inner } = setUp(registry.handle, { credentials: BASIC });
      const response = await auth.send(request('/v2/app', { scopes: ['repository:own:pull', PULL_PUSH] }));
      await expect(text(response.body)).resolves.toBe('content');
      expect(registry.granted).toEqual([[PULL_PUSH, 'repository:base:pull', 'repository:own:pull']]);
      expect(sent()).toEqual([
        'registry.example/v2/app -',
        `auth.example/token ${BASIC_HEADER}`,
        'registry.example/v2/app Bearer t1',
      ]);
      expect(inner.openBodies).toBe(0);
    });

    it('gets an anonymous token without credentials', async () => {
      const { auth, sent } = setUp(new TokenRegistry().handle);
      await auth.send(request('/v2/app'));
      expect(sent()[1]).toBe('auth.example/token -');
    });

    it('fetches tokens ahead once it knows the way, and keeps them', async () => {
      const registry = new TokenRegistry();
      const { auth, sent } = setUp(registry.handle);
      await auth.send(request('/v2/app', { scopes: [PULL_PUSH] }));
      await auth.send(request('/v2/app', { scopes: ['repository:app:pull'] }));
      await auth.send(request('/v2/app', { scopes: ['repository:app:delete'] }));
      await auth.send(request('/v2/app', { scopes: ['repository:app:delete'] }));
      expect(sent().slice(2)).toEqual([
        'registry.example/v2/app Bearer t1',
        'registry.example/v2/app Bearer t1',
        'auth.example/token -',
        'registry.example/v2/app Bearer t2',
        'registry.example/v2/app Bearer t2',
      ]);
      expect(registry.granted).toEqual([[PULL_PUSH], ['repository:app:delete']]);
    });

    it('takes a request without scopes for one like the last challenged', async () => {
      let now = 0;
      const registry = new TokenRegistry();
      const { auth, inner } = setUp(registry.handle, { now: () => now });
      await auth.send(request('/v2/app'));
      await auth.send(request('/v2/app'));
      expect(inner.requests).toHaveLength(4);
      now = 291_000;
      await auth.send(request('/v2/app'));
      expect(registry.granted).toEqual([[PULL_PUSH], [PULL_PUSH]]);
    });

    it('asks where the last challenge said', async () => {
      const realms = ['https://auth.example/old', 'https://auth.example/new'];
      const registry = new TokenRegistry();
      registry.challenge = () => bearer('', realms.shift());
      const { auth, sent } = setUp(registry.handle);
      await auth.send(request('/v2/app'));
      registry.revoked.add('t1');
      await auth.send(request('/v2/app'));
      await auth.send(request('/v2/app', { scopes: [PULL_PUSH] }));
      expect(sent().filter((line) => line.startsWith('auth.'))).toEqual([
        'auth.example/old -',
        'auth.example/new -',
        'auth.example/new -',
      ]);
    });

    it('renews a token before it expires, by its own clock', async () => {
      let now = 0;
      const registry = new TokenRegistry();
      const { auth } = setUp(registry.handle, { now: () => now });
      await auth.send(request('/v2/app', { scopes: [PULL_PUSH] }));
      now = 291_000;
      await auth.send(request('/v2/app', { scopes: [PULL_PUSH] }));
      expect(registry.granted).toHaveLength(2);
    });

    it('sends a body again from its start', async () => {
      const registry = new TokenRegistry();
      const { auth, inner } = setUp(registry.handle);
      let opened = 0;
      const open = () => Readable.from([Buffer.from(`content ${(opened += 1)}`)]);
      await auth.send(request('/v2/app', { method: 'PUT', body: { size: 9, open } }));
      expect(inner.requests.map(({ content }) => content.toString())).toEqual(['content 1', '', 'content 2']);
    });

    it('keeps method, headers, signal and the other fields of the request', async () => {
      const { auth, inner } = setUp(new TokenRegistry().handle);
      const { signal } = new AbortController();
      const more = { method: 'PUT', headers: { accept: 'x' }, signal, repeatable: false, scopes: [PULL_PUSH] };
      const original = request('/v2/app', more);
      await auth.send(original);
      expect(inner.requests[2]).toMatchObject({ ...more, headers: { accept: 'x', authorization: 'Bearer t1' } });
      expect(original.headers).toEqual({ accept: 'x' });
    });

    it('sends a registry token as it is and returns the 401 to it', async () => {
      const { auth, sent } = setUp(() => bearer(), { credentials: { registryToken: 'mine' } });
      await expect(auth.send(request('/v2/app'))).resolves.toMatchObject({ status: 401 });
      expect(sent()).toEqual(['registry.example/v2/app -', 'registry.example/v2/app Bearer mine']);
    });

    it('trades an identity token', async () => {
      const { auth, inner } = setUp(new TokenRegistry().handle, { credentials: { identityToken: 'refresh' } });
      await auth.send(request('/v2/app'));
      expect(inner.requests[1]?.method).toBe('POST');
      expect(inner.requests[1]?.content.toString()).toContain('refresh_token=refresh');
    });

    it('prefers it to Basic', async () => {
      const registry = new TokenRegistry();
      registry.challenge = () => ({
        status: 401,
        headers: { 'www-authenticate': `Basic realm="x", ${bearer().headers!['www-authenticate']}` },
      });
      const { auth, sent } = setUp(registry.handle, { credentials: BASIC });
      await auth.send(request('/v2/app'));
      expect(sent()[2]).toBe('registry.example/v2/app Bearer t1');
    });

    it('carries token requests over the transport given for them', async () => {
      const tokens = new FakeTransport(() => ({ body: '{"token":"t9"}' }));
      const { auth, sent } = setUp(new TokenRegistry().handle, { tokens });
      await auth.send(request('/v2/app'));
      expect(tokens.requests).toHaveLength(1);
      expect(sent()).toEqual(['registry.example/v2/app -', 'registry.example/v2/app Bearer t9']);
    });

    it('rejects when no token can be had, leaving no body open', async () => {
      const { auth, inner } = setUp(({ url }) => (url.host === 'auth.example' ? { status: 403 } : bearer()));
      await expect(auth.send(request('/v2/app'))).rejects.toBeInstanceOf(AuthenticationError);
      await expect(auth.send(request('/v2/app'))).rejects.toBeInstanceOf(AuthenticationError);
      expect(inner.openBodies).toBe(0);
      expect(inner.requests.filter(({ url }) => url.host === 'registry.example')).toHaveLength(1);
    });

    it.each([
      ['has no realm', 'Bearer service="s"', /without a realm/],
      ['names plain http', 'Bearer realm="http://auth.example/token"', /http:\/\/auth\.example\/token/],
      ['names an internal address', 'Bearer realm="https://169.254.169.254/"', /https:\/\/169\.254\.169\.254\//],
    ])('sends nothing when the challenge %s', async (_, header, message) => {
      const { auth, inner } = setUp(() => ({ status: 401, headers: { 'www-authenticate': header } }), {
        credentials: BASIC,
      });
      const sending = auth.send(request('/v2/app'));
      await expect(sending).rejects.toBeInstanceOf(AuthenticationError);
      await expect(sending).rejects.toThrow(message);
      expect(inner.requests).toHaveLength(1);
    });

    it('starts a relative realm at the address that was challenged', async () => {
      const { auth, inner } = setUp(({ url, headers }) => {
        if (url.pathname === '/token') return { body: '{"token":"t"}' };
        return headers.authorization ? {} : bearer('', '../../token');
      });
      await auth.send(request('/v2/app/manifests'));
      expect(inner.requests[1]?.url.href).toBe('https://registry.example/token?service=registry.example');
    });
  });

  describe('when a 401 comes to a signed request', () => {
    async function signedIn(more: Setup = {}) {
      const registry = new TokenRegistry();
      const parts = setUp(registry.handle, more);
      await parts.auth.send(request('/v2/app', { scopes: [PULL_PUSH] }));
      parts.inner.requests.length = 0;
      return { registry, ...parts };
    }

    it('renews a kept token and replays', async () => {
      const { registry, auth, sent } = await signedIn();
      registry.revoked.add('t1');
      await expect(auth.send(request('/v2/app', { scopes: [PULL_PUSH] }))).resolves.toMatchObject({ status: 200 });
      expect(sent()).toEqual([
        'registry.example/v2/app Bearer t1',
        'auth.example/token -',
        'registry.example/v2/app Bearer t2',
      ]);
    });

    it('renews it once for all requests refused together', async () => {
      const { registry, auth, inner } = await signedIn();
      registry.revoked.add('t1');
      const all = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => auth.send(request(`/v2/app/${n}`, { scopes: [PULL_PUSH] })));
      expect((await Promise.all(all)).map(({ status }) => status)).toEqual(Array(8).fill(200));
      expect(registry.granted).toHaveLength(2);
      expect(inner.requests).toHaveLength(8 + 1 + 8);
    });

    it('returns the second 401 with its body', async () => {
      const { registry, auth, sent, inner } = await signedIn();
      registry.revoked.add('t1').add('t2');
      const response = await auth.send(request('/v2/app', { scopes: [PULL_PUSH] }));
      expect(response.status).toBe(401);
      await expect(text(response.body)).resolves.toBe('denied');
      expect(sent()).toHaveLength(3);
      expect(inner.openBodies).toBe(1);
    });

    it('returns the first when the token server gives the same token again', async () => {
      const { auth, sent } = setUp(({ url }) =>
        url.host === 'auth.example' ? { body: '{"token":"same"}' } : bearer(),
      );
      await expect(auth.send(request('/v2/app'))).resolves.toMatchObject({ status: 401 });
      await expect(auth.send(request('/v2/app'))).resolves.toMatchObject({ status: 401 });
      expect(sent().slice(3)).toEqual(['registry.example/v2/app Bearer same', 'auth.example/token -']);
    });

    it('gets a token for what it lacks, keeping the one it has', async () => {
      const { registry, auth, sent } = await signedIn();
      registry.revoked.add('t1');
      registry.challenge = ({ url }) =>
        url.pathname === '/v2/_catalog' ? bearer(',scope="registry:catalog:*",error="insufficient_scope"') : bearer();
      await expect(auth.send(request('/v2/_catalog'))).resolves.toMatchObject({ status: 200 });
      expect(registry.granted[1]).toEqual(['registry:catalog:*']);
      await auth.send(request('/v2/_catalog', { scopes: ['registry:catalog:*'] }));
      registry.revoked.delete('t1');
      await auth.send(request('/v2/app', { scopes: [PULL_PUSH] }));
      expect(sent().slice(-2)).toEqual(['registry.example/v2/_catalog Bearer t2', 'registry.example/v2/app Bearer t1']);
    });

    it('takes a 403 that names the scope it misses for the same (RFC 6750 §3.1)', async () => {
      const { registry, auth } = await signedIn();
      registry.revoked.add('t1');
      registry.challenge = () => ({
        ...bearer(',scope="repository:app:delete",error="insufficient_scope"'),
        status: 403,
      });
      await expect(auth.send(request('/v2/app', { scopes: [PULL_PUSH] }))).resolves.toMatchObject({ status: 200 });
      expect(registry.granted).toHaveLength(2);
      expect(registry.granted[1]).toContain('repository:app:delete,pull,push');
    });

    it.each([
      ['names what the token should allow already', `,scope="${PULL_PUSH}",error="insufficient_scope"`],
      ['names no scope', ',error="insufficient_scope"'],
      ['complains of something else', ',scope="repository:app:delete",error="access_denied"'],
    ])('returns a 403 that %s', async (_, more) => {
      const { registry, auth, inner } = await signedIn();
      registry.revoked.add('t1');
      registry.challenge = () => ({ ...bearer(more), status: 403 });
      const before = inner.requests.length;
      await expect(auth.send(request('/v2/app', { scopes: [PULL_PUSH] }))).resolves.toMatchObject({ status: 403 });
      expect(inner.requests).toHaveLength(before + 1);
    });

    it('adds the scope of a second challenge once', async () => {
      const registry = new TokenRegistry();
      registry.revoked.add('t1');
      registry.challenge = ({ headers }) =>
        headers.authorization
          ? bearer(`,scope="repository:app:delete",error="insufficient_scope"`)
          : bearer(`,scope="${PULL_PUSH}"`);
      const { auth } = setUp(registry.handle);
      await expect(auth.send(request('/v2/app'))).resolves.toMatchObject({ status: 200 });
      expect(registry.granted).toEqual([[PULL_PUSH], ['repository:app:delete,pull,push']]);
    });

    it('does not add scopes for ever', async () => {
      let count = 0;
      const registry = new TokenRegistry();
      for (const token of ['t1', 't2', 't3', 't4', 't5']) registry.revoked.add(token);
      registry.challenge = () => bearer(`,scope="repository:${(count += 1)}:pull",error="insufficient_scope"`);
      const { auth, inner } = setUp(registry.handle);
      await expect(auth.send(request('/v2/app'))).resolves.toMatchObject({ status: 401 });
      expect(inner.requests.filter(({ url }) => url.host === 'registry.example')).toHaveLength(3);
    });

    it('does not add the scope of a second challenge that complains of something else', async () => {
      const registry = new TokenRegistry();
      registry.revoked.add('t1');
      registry.challenge = ({ headers }) => bearer(headers.authorization ? ',scope="a:b:c",error="invalid_token"' : '');
      const { auth, inner } = setUp(registry.handle);
      await expect(auth.send(request('/v2/app'))).resolves.toMatchObject({ status: 401 });
      expect(inner.requests).toHaveLength(3);
    });

    it('renews a token when the 401 comes without a challenge', async () => {
      const { registry, auth } = await signedIn();
      registry.revoked.add('t2');
      registry.challenge = () => ({ status: 401 });
      const scopes = ['repository:other:pull'];
      await expect(auth.send(request('/v2/other', { scopes }))).resolves.toMatchObject({ status: 200 });
      expect(registry.granted).toEqual([[PULL_PUSH], scopes, scopes]);
    });

    it('follows a registry that changes from Basic to Bearer', async () => {
      const registry = new TokenRegistry();
      registry.challenge = () => denied;
      const { auth, sent } = setUp(
        (r) => (r.headers.authorization === BASIC_HEADER && r.url.pathname === '/v2/a' ? {} : registry.handle(r)),
        { credentials: BASIC },
      );
      await auth.send(request('/v2/a'));
      registry.challenge = () => bearer();
      await expect(auth.send(request('/v2/b'))).resolves.toMatchObject({ status: 200 });
      expect(sent().at(-1)).toBe('registry.example/v2/b Bearer t1');
    });
  });

  describe('when a 401 comes without a challenge and nothing is known', () => {
    const handler = (registry: TokenRegistry) => (r: TransportRequest) => {
      const reply = registry.handle(r);
      return reply.status === 401 && r.url.pathname !== '/v2/' ? { status: 401, body: 'denied' } : reply;
    };

    it('asks /v2/ for it, once', async () => {
      const { auth, sent } = setUp(handler(new TokenRegistry()));
      await expect(auth.send(request('/v2/app', { scopes: [PULL_PUSH] }))).resolves.toMatchObject({ status: 200 });
      await auth.send(request('/v2/app', { scopes: ['repository:other:pull'] }));
      expect(sent().map((line) => line.split(' ')[0])).toEqual([
        'registry.example/v2/app',
        'registry.example/v2/',
        'auth.example/token',
        'registry.example/v2/app',
        'auth.example/token',
        'registry.example/v2/app',
      ]);
    });

    it('asks below the path of the registry', async () => {
      const { auth, inner } = setUp(() => ({ status: 401 }), {
        registry: new URL('https://u:p@registry.example/prefix/'),
      });
      await auth.send(request('/prefix/v2/app'));
      expect(inner.calls).toEqual([
        'GET https://registry.example/prefix/v2/app',
        'GET https://registry.example/prefix/v2/',
      ]);
    });

    it.each([
      ['has none either', { status: 401 }],
      ['asks for nothing', { status: 200 }],
      ['asks for what it does not know', { status: 401, headers: { 'www-authenticate': 'Negotiate' } }],
      ['answers from elsewhere', { ...denied, url: new URL('https://evil.example/v2/') }],
    ])('returns the 401 when /v2/ %s, and does not ask again', async (_, ping: FakeReply) => {
      const { auth, inner, provider } = setUp(
        ({ url }) => (url.pathname === '/v2/' ? ping : { status: 401, body: 'denied' }),
        {
          credentials: BASIC,
        },
      );
      const response = await auth.send(request('/v2/app'));
      expect(response.status).toBe(401);
      await expect(text(response.body)).resolves.toBe('denied');
      await auth.send(request('/v2/app'));
      expect(inner.calls.filter((call) => call.endsWith('/v2/'))).toHaveLength(1);
      expect(inner.requests).toHaveLength(3);
      expect(provider).not.toHaveBeenCalled();
    });

    it('rejects when /v2/ cannot be reached, and asks again the next time', async () => {
      let isDown = true;
      const failure = new RegistryError('down', { code: 'ECONNRESET', retryable: true });
      const handle = handler(new TokenRegistry());
      const { auth } = setUp((r) => (isDown && r.url.pathname === '/v2/' ? Promise.reject(failure) : handle(r)));
      await expect(auth.send(request('/v2/app'))).rejects.toBe(failure);
      isDown = false;
      await expect(auth.send(request('/v2/app'))).resolves.toMatchObject({ status: 200 });
    });
  });

  it.each(['Negotiate', 'Digest realm="x",nonce="y"', '', 'Bearer realm="unterminated'])(
    'returns a 401 that asks for %j without asking anybody',
    async (header) => {
      const { auth, inner, provider } = setUp(() => ({ status: 401, headers: { 'www-authenticate': header } }), {
        credentials: BASIC,
      });
      await expect(auth.send(request('/v2/app'))).resolves.toMatchObject({ status: 401 });
      expect(inner.requests).toHaveLength(1);
      expect(provider).not.toHaveBeenCalled();
    },
  );

  describe('when many requests start together', () => {
    const eight = (auth: AuthTransport, more: Partial<TransportRequest> = {}) =>
      [1, 2, 3, 4, 5, 6, 7, 8].map((n) => auth.send(request(`/v2/app/${n}`, { scopes: [PULL_PUSH], ...more })));

    it('sends one ahead: one 401 and one token request for all', async () => {
      const registry = new TokenRegistry();
      const { auth, inner } = setUp(async (r) => {
        await new Promise((resolve) => setTimeout(resolve, 2));
        return registry.handle(r);
      });
      const all = await Promise.all(eight(auth));
      expect(all.map(({ status }) => status)).toEqual(Array(8).fill(200));
      expect(inner.requests.filter(({ headers }) => !headers.authorization)).toHaveLength(1 + 1);
      expect(registry.granted).toEqual([[PULL_PUSH]]);
    });

    it('does the same for requests that name no scopes', async () => {
      const registry = new TokenRegistry();
      const { auth, inner } = setUp(registry.handle);
      await Promise.all(eight(auth, { scopes: [] }));
      expect(inner.requests).toHaveLength(1 + 1 + 8);
    });

    it('lets all go when the first is answered without a challenge', async () => {
      let answer!: () => void;
      const answered = new Promise<void>((resolve) => (answer = resolve));
      const { auth, inner } = setUp(() => answered.then(() => ({})));
      const all = eight(auth);
      await new Promise((resolve) => setImmediate(resolve));
      expect(inner.requests).toHaveLength(1);
      answer();
      await Promise.all(all);
      expect(inner.requests).toHaveLength(8);
    });

    it.each([
      ['cannot be sent', () => Promise.reject(new Error('reset'))],
      ['is answered 503', () => Promise.resolve({ status: 503 })],
      ['is answered 429', () => Promise.resolve({ status: 429 })],
    ])('sends the next one ahead when the first %s', async (_, fail) => {
      const registry = new TokenRegistry();
      let count = 0;
      const { auth, inner } = setUp((r) => ((count += 1) === 1 ? fail() : registry.handle(r)));
      const [, ...others] = await Promise.allSettled(eight(auth));
      expect(others.map((result) => result.status === 'fulfilled' && result.value.status)).toEqual(Array(7).fill(200));
      expect(inner.requests).toHaveLength(1 + 1 + 1 + 7);
    });

    it('sends the next one ahead when the first is cancelled', async () => {
      const registry = new TokenRegistry();
      const { auth } = setUp((r) =>
        r.url.pathname === '/v2/slow' ? new Promise(() => undefined) : registry.handle(r),
      );
      const controller = new AbortController();
      const slow = auth.send(request('/v2/slow', { signal: controller.signal }));
      const all = eight(auth);
      controller.abort('enough');
      await expect(slow).rejects.toBe('enough');
      expect((await Promise.all(all)).map(({ status }) => status)).toEqual(Array(8).fill(200));
    });

    it('lets one that waits be cancelled', async () => {
      let answer!: () => void;
      const answered = new Promise<void>((resolve) => (answer = resolve));
      const { auth, inner } = setUp(() => answered.then(() => ({})));
      const first = auth.send(request('/v2/first'));
      const controller = new AbortController();
      const reason = new Error('enough');
      const second = auth.send(request('/v2/second', { signal: controller.signal }));
      controller.abort(reason);
      await expect(second).rejects.toBe(reason);
      answer();
      await first;
      expect(inner.requests).toHaveLength(1);
    });

    it('lets one that waits for a token be cancelled, and serves the others', async () => {
      let answer!: () => void;
      const answered = new Promise<void>((resolve) => (answer = resolve));
      const registry = new TokenRegistry();
      const { auth } = setUp(async (r) => {
        if (r.url.host === 'auth.example') await answered;
        return registry.handle(r);
      });
      const controller = new AbortController();
      const cancelled = auth.send(request('/v2/a', { signal: controller.signal, scopes: [PULL_PUSH] }));
      const patient = auth.send(request('/v2/b', { scopes: [PULL_PUSH] }));
      await new Promise((resolve) => setTimeout(resolve, 5));
      controller.abort('enough');
      await expect(cancelled).rejects.toBe('enough');
      answer();
      await expect(patient).resolves.toMatchObject({ status: 200 });
      expect(registry.granted).toHaveLength(1);
    });

    it('leaves requests to other origins out of it', async () => {
      const { auth } = setUp(({ url }) => (url.host === 'storage.example' ? {} : new Promise(() => undefined)));
      void auth.send(request('/v2/first'));
      await expect(auth.send(request('https://storage.example/blob'))).resolves.toMatchObject({ status: 200 });
    });
  });

  describe('when a request goes to another origin', () => {
    it.each([
      ['another host', 'https://storage.example/blob'],
      ['a host below', 'https://cdn.registry.example/blob'],
      ['another port', 'https://registry.example:8443/blob'],
      ['plain http', 'http://registry.example/blob'],
      ['plain http on the port of https', 'http://registry.example:443/blob'],
    ])('sends neither token nor password to %s', async (_, elsewhere) => {
      const { auth, inner } = setUp(new TokenRegistry().handle, { credentials: BASIC });
      await auth.send(request('/v2/app', { scopes: [PULL_PUSH] }));
      await auth.send(request(elsewhere, { scopes: [PULL_PUSH], headers: { range: 'bytes=0-1' } }));
      expect(inner.requests.at(-1)?.headers).toEqual({ range: 'bytes=0-1' });
    });

    it("takes the caller's own secrets out", async () => {
      const { auth, inner } = setUp(() => ({}));
      const headers = { authorization: 'x', Authorization: 'x', cookie: 'x', 'proxy-authorization': 'x', accept: 'y' };
      await auth.send(request('https://storage.example/blob', { headers }));
      expect(inner.requests[0]?.headers).toEqual({ accept: 'y' });
    });

    it.each([
      ['Basic', denied],
      ['Bearer', bearer()],
      ['nothing', { status: 401 }],
    ])('returns its 401 asking for %s as it is', async (_, reply) => {
      const body = Readable.from(['x']);
      const { auth, inner, provider } = setUp(() => ({ ...reply, body }), { credentials: BASIC });
      const response = await auth.send(request('https://storage.example/blob'));
      expect(response).toMatchObject({ status: 401, body });
      expect(response.body).toBe(body);
      expect(inner.requests).toHaveLength(1);
      expect(provider).not.toHaveBeenCalled();
    });

    it('learns nothing from it', async () => {
      const { auth, sent } = setUp(
        ({ url }) => (url.host === 'evil.example' ? bearer('', 'https://evil.example/') : denied),
        {
          credentials: BASIC,
        },
      );
      await auth.send(request('https://evil.example/blob'));
      await auth.send(request('/v2/app'));
      expect(sent()).toEqual([
        'evil.example/blob -',
        'registry.example/v2/app -',
        `registry.example/v2/app ${BASIC_HEADER}`,
      ]);
    });

    it('does not answer a 401 that a transport below fetched from another origin', async () => {
      const { auth, inner } = setUp(() => ({ ...denied, url: new URL('https://storage.example/blob') }), {
        credentials: BASIC,
      });
      await expect(auth.send(request('/v2/app'))).resolves.toMatchObject({ status: 401 });
      expect(inner.requests).toHaveLength(1);
    });
  });

  it.each([
    ['https://registry.example:443/v2/', 'https://registry.example'],
    ['https://registry.example/v2/', 'https://registry.example:443'],
    ['https://REGISTRY.example/v2/', 'https://registry.example'],
    ['http://registry.example:80/v2/', 'http://registry.example'],
  ])('takes %s for an address of %s', async (address, registry) => {
    const { auth, inner } = setUp(() => denied, { credentials: BASIC, registry: new URL(registry) });
    await auth.send(request(address));
    expect(inner.requests[1]?.headers.authorization).toBe(BASIC_HEADER);
  });

  it.each(['authorization', 'Authorization'])("leaves a caller's own %s alone, and the 401 to it", async (name) => {
    const { auth, inner, provider } = setUp(() => denied, { credentials: BASIC });
    const own = request('/v2/app', { headers: { [name]: 'Bearer own' } });
    await expect(auth.send(own)).resolves.toMatchObject({ status: 401 });
    expect(inner.requests.map(({ headers }) => headers)).toEqual([{ [name]: 'Bearer own' }]);
    expect(provider).not.toHaveBeenCalled();
  });

  it.each(['Basic realm="x"', 'Negotiate'])(
    'rejects with the reason when cancelled while a 401 with %s is read',
    async (header) => {
      const controller = new AbortController();
      const cancelled = async function* () {
        yield await Promise.resolve(Buffer.from('den'));
        controller.abort('enough');
      };
      const { auth, inner } = setUp(
        () => ({ status: 401, headers: { 'www-authenticate': header }, body: Readable.from(cancelled()) }),
        { credentials: BASIC },
      );
      await expect(auth.send(request('/v2/app', { signal: controller.signal }))).rejects.toBe('enough');
      expect(inner.requests).toHaveLength(1);
    },
  );

  it('logs token requests', async () => {
    const log = jest.fn();
    const { auth } = setUp(new TokenRegistry().handle, { credentials: BASIC, log });
    await auth.send(request('/v2/app'));
    expect(log.mock.calls).toEqual([[`asking auth.example for a token for registry.example: ${PULL_PUSH}`]]);
  });

  it('closes the transport it wraps, and not the one for tokens', async () => {
    const tokens = new FakeTransport(() => ({}));
    const { auth, inner } = setUp(() => ({}), { tokens });
    await auth.close();
    expect([inner.isClosed, tokens.isClosed]).toEqual([true, false]);
  });

  it('shows no secret when it is printed', async () => {
    const { auth } = setUp(new TokenRegistry().handle, { credentials: BASIC });
    await auth.send(request('/v2/app'));
    expect(inspect(auth, { depth: 9, showHidden: true })).not.toMatch(/hunter2|Bearer|dXNlcjpodW50ZXIy/);
    expect(JSON.stringify(auth)).toBe('{}');
  });
});
