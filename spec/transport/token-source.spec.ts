import { describe, expect, it } from '@jest/globals';
import { inspect } from 'node:util';
import { AuthenticationError, InvalidArgumentError } from '../../lib/errors.js';
import type { BearerChallenge } from '../../lib/transport/challenge.js';
import { basicAuthorization, type Credentials } from '../../lib/transport/credentials.js';
import { ScopeSet } from '../../lib/transport/scope-set.js';
import { TokenSource } from '../../lib/transport/token-source.js';
import { type FakeHandler, FakeTransport } from '../support/fake-transport.js';

const CHALLENGE: BearerChallenge = {
  scheme: 'bearer',
  realm: 'https://auth.example/token',
  service: 's',
  scopes: [],
  error: undefined,
  url: new URL('https://registry.example/v2/'),
};

/** A token server that numbers its tokens, and a source with a clock to be set. */
function setUp({ expiresIn = 300, credentials, handler }: Partial<Setup> = {}) {
  let count = 0;
  const asked: string[] = [];
  const logged: string[] = [];
  const clock = { now: 1000 };
  const numbered: FakeHandler = () => ({ body: JSON.stringify({ token: `t${(count += 1)}`, expires_in: expiresIn }) });
  const transport = new FakeTransport(handler ?? numbered);
  const source = new TokenSource({
    registry: new URL('https://registry.example'),
    credentials: (registry, _signal, refused) => {
      asked.push(registry);
      return Promise.resolve(typeof credentials === 'function' ? credentials(refused) : credentials);
    },
    transport,
    now: () => clock.now,
    log: (message) => logged.push(message),
  });
  const get = async (...scopes: string[]) => (await source.get(CHALLENGE, new ScopeSet(scopes))).authorization;
  const scopesAsked = () => transport.requests.map(({ url }) => url.searchParams.getAll('scope'));
  return { source, transport, clock, get, asked, logged, scopesAsked };
}

interface Setup {
  expiresIn: number;
  credentials: Credentials | ((refused: Credentials | undefined) => Credentials);
  handler: FakeHandler;
}

describe('TokenSource', () => {
  describe('get', () => {
    it('fetches a token with the credentials of the registry', async () => {
      const { get, transport, asked } = setUp({ credentials: { username: 'u', password: 'p' } });
      await expect(get('repository:a:pull')).resolves.toBe('Bearer t1');
      expect(asked).toEqual(['registry.example']);
      expect(transport.requests[0]?.headers.authorization).toBe('Basic dTpw');
    });

    it('serves what it has when that covers what is wanted', async () => {
      const { get, transport } = setUp();
      await get('repository:a:pull,push', 'repository:b:pull');
      await expect(get('repository:a:pull')).resolves.toBe('Bearer t1');
      await expect(get('repository:b:pull', 'repository:a:push')).resolves.toBe('Bearer t1');
      await expect(get()).resolves.toBe('Bearer t1');
      expect(transport.requests).toHaveLength(1);
    });

    it('fetches another one for more actions or another repository', async () => {
      const { get, scopesAsked } = setUp();
      await get('repository:a:pull');
      await expect(get('repository:a:pull,delete')).resolves.toBe('Bearer t2');
      await expect(get('repository:b:pull')).resolves.toBe('Bearer t3');
      expect(scopesAsked()).toEqual([['repository:a:pull'], ['repository:a:pull,delete'], ['repository:b:pull']]);
    });

    it('makes one request for everybody who asks for the same, or less, at the same time', async () => {
      const { get, transport } = setUp();
      const tokens = await Promise.all([
        get('repository:a:pull,push'),
        get('repository:a:push,pull'),
        get('repository:a:pull'),
      ]);
      expect(new Set(tokens)).toEqual(new Set(['Bearer t1']));
      expect(transport.requests).toHaveLength(1);
    });

    it.each([
      [60, 54],
      [90, 81],
      [100, 90],
      [300, 290],
      [3600, 3590],
    ])('renews a token of %d s after %d s', async (expiresIn, useful) => {
      const { get, clock } = setUp({ expiresIn });
      await get('repository:a:pull');
      clock.now += useful * 1000 - 1;
      await expect(get('repository:a:pull')).resolves.toBe('Bearer t1');
      clock.now += 1;
      await expect(get('repository:a:pull')).resolves.toBe('Bearer t2');
      await expect(get('repository:a:pull')).resolves.toBe('Bearer t2');
    });

    it('counts the lifetime from the moment of the answer', async () => {
      const { get, clock, transport } = setUp({
        handler: () => {
          clock.now += 20_000;
          return { body: JSON.stringify({ token: 't', expires_in: 60 }) };
        },
      });
      await get('repository:a:pull');
      clock.now += 53_000;
      await get('repository:a:pull');
      expect(transport.requests).toHaveLength(1);
    });

    it('does not keep a failure', async () => {
      let status = 503;
      const { get } = setUp({ handler: () => ({ status, body: '{"token":"t"}' }) });
      const [one, other] = await Promise.allSettled([get('a:b:c'), get('a:b:c')]);
      expect([one.status, other.status]).toEqual(['rejected', 'rejected']);
      status = 200;
      await expect(get('a:b:c')).resolves.toBe('Bearer t');
    });

    it('sends nothing to a realm that is refused', async () => {
      const { source, transport } = setUp();
      const challenge = { ...CHALLENGE, realm: 'http://auth.example/token' };
      await expect(source.get(challenge, new ScopeSet())).rejects.toBeInstanceOf(AuthenticationError);
      expect(transport.requests).toEqual([]);
    });

    it('refuses unusable credentials before anything is sent', async () => {
      const { get, transport } = setUp({ credentials: { username: 'a:b', password: 'p' } });
      await expect(get('a:b:c')).rejects.toBeInstanceOf(InvalidArgumentError);
      expect(transport.requests).toEqual([]);
    });

    it('takes a registry token as it is, even without a realm', async () => {
      const { source, transport } = setUp({ credentials: { registryToken: 'mine' } });
      const token = await source.get({ ...CHALLENGE, realm: undefined }, new ScopeSet(['a:b:c']));
      expect(token.authorization).toBe('Bearer mine');
      expect(transport.requests).toEqual([]);
    });

    it('uses the refresh token of the last answer, until the provider has another', async () => {
      let identityToken = 'r0';
      let count = 0;
      const { get, transport } = setUp({
        credentials: () => ({ identityToken }),
        handler: () => ({ body: JSON.stringify({ access_token: 't', refresh_token: `r${(count += 1)}` }) }),
      });
      const sent = () =>
        transport.requests.map(({ content }) => new URLSearchParams(content.toString()).get('refresh_token'));
      await get('a:1:c');
      await get('a:2:c');
      await get('a:3:c');
      expect(sent()).toEqual(['r0', 'r1', 'r2']);
      identityToken = 'new';
      await get('a:4:c');
      await get('a:5:c');
      expect(sent().slice(3)).toEqual(['new', 'r4']);
    });

    it('takes no refresh token from the answer to a password', async () => {
      const { get, transport } = setUp({
        credentials: { username: 'u', password: 'p' },
        handler: () => ({ body: JSON.stringify({ token: 't', refresh_token: 'r' }) }),
      });
      await get('a:1:c');
      await get('a:2:c');
      expect(transport.requests.map(({ method }) => method)).toEqual(['GET', 'GET']);
    });

    it('remembers a hundred tokens and no more', async () => {
      const { get, transport } = setUp();
      for (let i = 0; i <= 100; i += 1) await get(`repository:r${i}:pull`);
      await get('repository:r1:pull');
      expect(transport.requests).toHaveLength(101);
      await get('repository:r0:pull');
      expect(transport.requests).toHaveLength(102);
    });

    it('logs what it asks for', async () => {
      const { get, logged } = setUp({ credentials: { username: 'u', password: 'hunter2' } });
      await get('repository:a:pull', 'repository:b:pull');
      expect(logged).toEqual([
        'asking auth.example for a token for registry.example: repository:a:pull repository:b:pull',
      ]);
    });
  });

  describe('when one of those waiting is cancelled', () => {
    it('lets that one go and serves the others', async () => {
      let answer!: () => void;
      const answered = new Promise<void>((resolve) => (answer = resolve));
      const { source, transport } = setUp({
        handler: async () => {
          await answered;
          return { body: '{"token":"t"}' };
        },
      });
      const controller = new AbortController();
      const scopes = new ScopeSet(['a:b:c']);
      const cancelled = source.get(CHALLENGE, scopes, controller.signal);
      const patient = source.get(CHALLENGE, scopes);
      const reason = new Error('enough');
      controller.abort(reason);
      await expect(cancelled).rejects.toBe(reason);
      answer();
      await expect(patient).resolves.toMatchObject({ authorization: 'Bearer t' });
      expect(transport.requests).toHaveLength(1);
    });

    it('ends the fetch when nobody is left, and starts another one for who comes then', async () => {
      const signals: (AbortSignal | undefined)[] = [];
      const { source } = setUp({
        handler: ({ signal }) => {
          signals.push(signal);
          return signals.length > 1 ? { body: '{"token":"t"}' } : new Promise(() => undefined);
        },
      });
      const [first, second] = [new AbortController(), new AbortController()];
      const scopes = new ScopeSet(['a:b:c']);
      const waiting = [first, second].map(({ signal }) => source.get(CHALLENGE, scopes, signal));
      await new Promise((resolve) => setImmediate(resolve));
      first.abort('enough');
      await expect(waiting[0]).rejects.toBe('enough');
      expect(signals.map((signal) => signal?.aborted)).toEqual([false]);
      second.abort('enough');
      await expect(waiting[1]).rejects.toBe('enough');
      expect(signals[0]?.aborted).toBe(true);
      await expect(source.get(CHALLENGE, scopes)).resolves.toMatchObject({ authorization: 'Bearer t' });
    });

    it('asks nobody for one who has gone already', async () => {
      const { source, asked, transport } = setUp();
      await expect(source.get(CHALLENGE, new ScopeSet(), AbortSignal.abort('no'))).rejects.toBe('no');
      expect([asked, transport.requests]).toEqual([[], []]);
    });

    it('leaves nothing unhandled when everybody has gone and the fetch fails', async () => {
      const { source } = setUp({ handler: () => Promise.reject(new Error('late')) });
      await expect(source.get(CHALLENGE, new ScopeSet(), AbortSignal.abort('no'))).rejects.toBe('no');
      await new Promise((resolve) => setImmediate(resolve));
    });
  });

  describe('when nobody knows yet if the password is right', () => {
    const credentials = { username: 'user', password: 'secret' };
    const repositories = ['a', 'b', 'c', 'd', 'e'].map((name) => `repository:${name}:pull`);

    it('tries a wrong one twice at most for all who ask together', async () => {
      const { get, transport } = setUp({ credentials, handler: () => ({ status: 401 }) });
      const all = await Promise.allSettled(repositories.map((scope) => get(scope)));
      for (const outcome of all) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(AuthenticationError) });
      }
      expect(transport.requests).toHaveLength(2);
      await expect(get('repository:f:pull')).rejects.toBeInstanceOf(AuthenticationError);
      expect(transport.requests).toHaveLength(3);
    });

    it('sends one ahead, and then all', async () => {
      let answer!: () => void;
      const answered = new Promise<void>((resolve) => (answer = resolve));
      const handler = () => answered.then(() => ({ body: '{"token":"t"}' }));
      const { get, transport } = setUp({ credentials, handler });
      const all = repositories.map((scope) => get(scope));
      await new Promise((resolve) => setImmediate(resolve));
      expect(transport.requests).toHaveLength(1);
      answer();
      await Promise.all(all);
      expect(transport.requests).toHaveLength(5);
    });

    it('counts no other failure as a wrong one', async () => {
      let count = 0;
      const handler = () => ((count += 1) < 4 ? { status: 503 } : { body: '{"token":"t"}' });
      const { get } = setUp({ credentials, handler });
      const all = await Promise.allSettled(repositories.map((scope) => get(scope)));
      expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'fulfilled', 'fulfilled']);
    });
  });

  describe('when the token server no longer takes the credentials', () => {
    const OLD: Credentials = { username: 'u', password: 'old' };
    const NEW: Credentials = { username: 'u', password: 'new' };

    /** Credentials that are looked up anew only for who was refused, as those from docker's configuration are. */
    function remembering(status = 401) {
      const server = { taken: OLD, next: NEW };
      let known = OLD;
      const refusals: (Credentials | undefined)[] = [];
      const handler: FakeHandler = ({ headers }) =>
        headers.authorization === basicAuthorization(server.taken)
          ? { body: JSON.stringify({ token: (server.taken as { password: string }).password }) }
          : { status };
      const credentials = (refused: Credentials | undefined) => {
        refusals.push(refused);
        return (known = refused === known ? server.next : known);
      };
      return { ...setUp({ handler, credentials }), server, refusals };
    }

    it.each([400, 401, 403])('asks for new ones, and goes on with them (%i)', async (status) => {
      const { get, server, refusals } = remembering(status);
      await expect(get('repository:a:pull')).resolves.toBe('Bearer old');
      server.taken = NEW;
      const all = await Promise.all(['b', 'c', 'd'].map((name) => get(`repository:${name}:pull`)));
      expect(all).toEqual(Array(3).fill('Bearer new'));
      expect(refusals).toEqual([...Array<undefined>(4).fill(undefined), OLD, OLD, OLD]);
    });

    it('fails when there are no others', async () => {
      const { get, server, transport } = remembering();
      await get('repository:a:pull');
      Object.assign(server, { taken: NEW, next: OLD });
      await expect(get('repository:b:pull')).rejects.toBeInstanceOf(AuthenticationError);
      expect(transport.requests).toHaveLength(2);
    });

    it('tries wrong ones once, and looks them up anew for who comes later', async () => {
      const { get, server, transport, refusals } = remembering();
      server.taken = NEW;
      await expect(get('repository:a:pull')).rejects.toBeInstanceOf(AuthenticationError);
      expect([transport.requests.length, refusals]).toEqual([1, [undefined]]);
      await expect(get('repository:a:pull')).resolves.toBe('Bearer new');
      expect(refusals).toEqual([undefined, OLD]);
    });

    it('looks up another registry token when the registry refuses the one there was', async () => {
      let known: Credentials = { registryToken: 'old' };
      const { source } = setUp({
        credentials: (refused) => (known = refused === known ? { registryToken: 'new' } : known),
      });
      const scopes = new ScopeSet(['repository:a:pull']);
      const token = await source.get(CHALLENGE, scopes);
      source.reject(token);
      expect([token, await source.get(CHALLENGE, scopes)].map(({ authorization }) => authorization)).toEqual([
        'Bearer old',
        'Bearer new',
      ]);
    });
  });

  describe('reject', () => {
    const take = (source: TokenSource, ...scopes: string[]) => source.get(CHALLENGE, new ScopeSet(scopes));

    it('makes the next one fetch, once for each token', async () => {
      const { source, transport } = setUp();
      const token = await take(source, 'repository:a:pull');
      const tokens = await Promise.all(
        [1, 2, 3].map(() => {
          source.reject(token);
          return take(source, 'repository:a:pull');
        }),
      );
      expect(tokens.map(({ authorization }) => authorization)).toEqual(['Bearer t2', 'Bearer t2', 'Bearer t2']);
      source.reject(token);
      await expect(take(source, 'repository:a:pull')).resolves.toBe(tokens[0]);
      expect(transport.requests).toHaveLength(2);
    });

    it('forgets wider tokens with it and leaves those for other repositories', async () => {
      const { source, transport } = setUp();
      const narrow = await take(source, 'repository:a:pull');
      await take(source, 'repository:a:pull,push');
      const other = await take(source, 'repository:b:pull');
      source.reject(narrow);
      await expect(take(source, 'repository:b:pull')).resolves.toBe(other);
      await expect(take(source, 'repository:a:pull')).resolves.toMatchObject({ authorization: 'Bearer t4' });
      expect(transport.requests).toHaveLength(4);
    });
  });

  it('shows no secret when it is printed', async () => {
    const { source, get } = setUp({ credentials: { username: 'u', password: 'hunter2' } });
    await get('a:b:c');
    expect(inspect(source, { depth: 9, showHidden: true })).not.toMatch(/hunter2|t1/);
    expect(JSON.stringify(source)).toBe('{}');
  });
});
