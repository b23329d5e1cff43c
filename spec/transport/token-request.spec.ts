import { afterEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { AuthenticationError, RateLimitError, RegistryError } from '../../lib/errors.js';
import type { Credentials } from '../../lib/transport/credentials.js';
import { RetryTransport } from '../../lib/transport/retry-transport.js';
import { requestToken, type TokenGrant, type TokenRequest } from '../../lib/transport/token-request.js';
import { type FakeHandler, type FakeReply, FakeTransport } from '../support/fake-transport.js';

const SCOPES = ['repository:a/b:pull,push', 'repository:c:pull'];
const BASIC = { username: 'user', password: 'hunter2:x' };
const IDENTITY = { identityToken: 'refresh-1' };

function json(value: unknown, status = 200): FakeReply {
  return { status, body: JSON.stringify(value) };
}

function request(handler: FakeHandler | FakeReply, more: Partial<TokenRequest> = {}) {
  const transport = new FakeTransport(typeof handler === 'function' ? handler : () => handler);
  const grant = requestToken({
    transport,
    realm: new URL('https://auth.example/token'),
    service: 'registry.example',
    scopes: SCOPES,
    registry: 'registry.example',
    credentials: undefined,
    ...more,
  });
  grant.catch(() => undefined);
  return { transport, grant };
}

async function failureOf(grant: Promise<TokenGrant>): Promise<RegistryError> {
  const error: unknown = await grant.then(
    () => new Error('a token was granted'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RegistryError);
  expect(inspect(error, { depth: 9 })).not.toMatch(/hunter2|refresh-1|dXNlcjpodW50ZXIyOng/);
  expect(JSON.stringify(error)).not.toMatch(/hunter2|refresh-1|dXNlcjpodW50ZXIyOng/);
  return error as RegistryError;
}

describe('requestToken', () => {
  afterEach(() => void jest.useRealTimers());

  describe('without credentials', () => {
    it('asks by GET with service and one scope for each resource', async () => {
      const { transport, grant } = request(json({ token: 't' }));
      await grant;
      const [sent] = transport.requests;
      expect(sent?.method).toBe('GET');
      expect(sent?.url.origin + sent!.url.pathname).toBe('https://auth.example/token');
      expect(sent?.url.searchParams.getAll('service')).toEqual(['registry.example']);
      expect(sent?.url.searchParams.getAll('scope')).toEqual(SCOPES);
      expect(sent?.headers).not.toHaveProperty('authorization');
      expect(sent?.body).toBeUndefined();
    });

    it('leaves service and scope out when there are none', async () => {
      const { transport, grant } = request(json({ token: 't' }), { service: undefined, scopes: [] });
      await grant;
      expect(transport.calls).toEqual(['GET https://auth.example/token']);
    });

    it("keeps the realm's own query as it is written", async () => {
      const realm = new URL('https://auth.example/token?sig=a%2Bb+c%3D&x');
      const { transport, grant } = request(json({ token: 't' }), { realm, scopes: [] });
      await grant;
      expect(transport.calls).toEqual(['GET https://auth.example/token?sig=a%2Bb+c%3D&x&service=registry.example']);
      expect(realm.search).toBe('?sig=a%2Bb+c%3D&x');
    });
  });

  describe('with username and password', () => {
    it('asks by GET with Basic', async () => {
      const { transport, grant } = request(json({ token: 't' }), { credentials: BASIC });
      await grant;
      expect(transport.requests[0]?.method).toBe('GET');
      expect(transport.requests[0]?.headers.authorization).toBe(
        `Basic ${Buffer.from('user:hunter2:x').toString('base64')}`,
      );
    });
  });

  describe('with an identity token', () => {
    it('asks by POST with the refresh grant, scopes in one field', async () => {
      const { transport, grant } = request(json({ access_token: 't', refresh_token: 'refresh-2' }), {
        credentials: IDENTITY,
      });
      await expect(grant).resolves.toEqual({ token: 't', lifetime: 60_000, refreshToken: 'refresh-2' });
      const [sent] = transport.requests;
      expect(transport.calls).toEqual(['POST https://auth.example/token']);
      expect(sent?.headers['content-type']).toBe('application/x-www-form-urlencoded');
      expect(sent?.headers).not.toHaveProperty('authorization');
      expect(sent?.body?.size).toBe(sent?.content.length);
      expect(Object.fromEntries(new URLSearchParams(sent?.content.toString()))).toEqual({
        grant_type: 'refresh_token',
        refresh_token: 'refresh-1',
        service: 'registry.example',
        client_id: 'registry-api-v2-client',
        scope: 'repository:a/b:pull,push repository:c:pull',
      });
    });

    it.each([400, 401, 404, 405])('fails when the POST is answered %d', async (status) => {
      const { transport, grant } = request({ status }, { credentials: IDENTITY });
      const error = await failureOf(grant);
      expect(error).toBeInstanceOf(AuthenticationError);
      expect(error).toMatchObject({ status, method: 'POST' });
      expect(transport.requests).toHaveLength(1);
    });

    it.each([400, 401, 404, 405])('falls back to GET after %d when there is a password too', async (status) => {
      const { transport, grant } = request(({ method }) => (method === 'GET' ? json({ token: 't' }) : { status }), {
        credentials: { ...IDENTITY, ...BASIC },
      });
      await expect(grant).resolves.toMatchObject({ token: 't' });
      expect(transport.requests.map(({ method }) => method)).toEqual(['POST', 'GET']);
      expect(transport.requests[1]?.headers.authorization).toMatch(/^Basic /);
      expect(transport.openBodies).toBe(0);
    });

    it.each([403, 429, 500])('does not fall back after %d', async (status) => {
      const { transport, grant } = request({ status }, { credentials: { ...IDENTITY, ...BASIC } });
      await failureOf(grant);
      expect(transport.requests).toHaveLength(1);
    });
  });

  describe('when the answer holds a token', () => {
    it.each([
      [{ token: 'a' }, 'a'],
      [{ access_token: 'b' }, 'b'],
      [{ token: 'a', access_token: 'b' }, 'b'],
      [{ token: 'a', access_token: '' }, 'a'],
      [{ token: 'a', access_token: null }, 'a'],
    ])('takes it from %j', async (answer, token) => {
      await expect(request(json(answer)).grant).resolves.toMatchObject({ token });
    });

    it.each([
      [undefined, 60],
      [null, 60],
      ['soon', 60],
      [{}, 60],
      [-1, 60],
      [0, 60],
      [59, 60],
      [61, 61],
      [300, 300],
      ['300', 300],
      [1.5e3, 1500],
    ])('counts expires_in %j as %d seconds', async (expiresIn, seconds) => {
      const { grant } = request(json({ token: 't', expires_in: expiresIn, issued_at: '1970-01-01T00:00:00Z' }));
      await expect(grant).resolves.toMatchObject({ lifetime: seconds * 1000 });
    });

    it('leaves a refresh token out that could not be sent', async () => {
      await expect(request(json({ token: 't', refresh_token: 'a\nb' })).grant).resolves.toMatchObject({
        refreshToken: undefined,
      });
    });
  });

  describe('when the answer makes no sense', () => {
    it.each([
      ['no token', '{}', /without a usable token/],
      ['an empty token', '{"token":""}', /without a usable token/],
      ['a number', '{"token":1}', /without a usable token/],
      ['a line break in the token', '{"token":"a\\r\\nx: y"}', /without a usable token/],
      ['a control character in the token', '{"token":"a\\u0000"}', /without a usable token/],
      ['a line break in the access token', '{"token":"a","access_token":"b\\n"}', /without a usable token/],
      ['a token behind __proto__', '{"__proto__":{"token":"t"}}', /without a usable token/],
      ['a list', '["t"]', /not JSON or too long/],
      ['text', 'hunter2 is not JSON', /not JSON or too long/],
      ['nothing', '', /not JSON or too long/],
      ['null', 'null', /not JSON or too long/],
    ])('refuses %s', async (_, body, message) => {
      const error = await failureOf(request({ body }).grant);
      expect(error).toBeInstanceOf(AuthenticationError);
      expect(error).toMatchObject({ message: expect.stringMatching(message), status: 200, retryable: false });
    });

    it('accepts an answer of just 1 MiB', async () => {
      const body = `{"token":"t"${' '.repeat(1024 * 1024 - 13)}}`;
      expect(body).toHaveLength(1024 * 1024);
      await expect(request({ body }).grant).resolves.toMatchObject({ token: 't' });
    });

    it('refuses a longer one', async () => {
      const error = await failureOf(request({ body: `{"token":"t"${' '.repeat(1024 * 1024 - 12)}}` }).grant);
      expect(error.message).toMatch(/too long/);
    });

    it('stops reading one without end', async () => {
      let produced = 0;
      const body = new Readable({
        read() {
          produced += 64 * 1024;
          this.push(Buffer.alloc(64 * 1024, 0x20));
        },
      });
      await failureOf(request({ body }).grant);
      expect(produced).toBeLessThan(2 * 1024 * 1024);
      expect(body.destroyed).toBe(true);
    });

    it('gives a token or an error of its own for any JSON', async () => {
      const key = fc.constantFrom('token', 'access_token', 'expires_in', 'errors', 'error', '__proto__');
      const body = fc.dictionary(key, fc.jsonValue());
      const property = fc.asyncProperty(body, fc.constantFrom(200, 401, 500), async (value, status) => {
        const outcome: unknown = await request(json(value, status)).grant.catch((error: unknown) => error);
        if (outcome instanceof Error) return expect(outcome).toBeInstanceOf(RegistryError);
        expect((outcome as TokenGrant).token).toMatch(/^[\x21-\x7e]+$/);
        expect((outcome as TokenGrant).lifetime).toBeGreaterThanOrEqual(60_000);
      });
      await fc.assert(property, { seed: 20260, numRuns: 500 });
    });
  });

  describe('when the token server refuses', () => {
    it.each([401, 403])('says who was asked for what and what came back: %d', async (status) => {
      const body = { errors: [{ code: 'DENIED', message: 'requested access is denied', detail: 'hunter2' }] };
      const error = await failureOf(request(json(body, status), { credentials: BASIC }).grant);
      expect(error).toBeInstanceOf(AuthenticationError);
      expect(error.message).toBe(
        'asking the token server auth.example for a token for registry.example (scope repository:a/b:pull,push ' +
          `repository:c:pull) ended with ${status} (requested access is denied). ` +
          'Check the username and password, or run registry-client login registry.example or docker login.',
      );
      expect(error).toMatchObject({
        status,
        code: 'DENIED',
        method: 'GET',
        url: 'https://auth.example/token',
        retryable: false,
        errors: [{ code: 'DENIED', message: 'requested access is denied' }],
      });
    });

    it('tells an anonymous user to sign in', async () => {
      const error = await failureOf(request({ status: 401 }, { scopes: [] }).grant);
      expect(error.message).toMatch(
        /\(no scope\) ended with 401\. Give a username and password, or run registry-client login registry\.example or docker login\.$/,
      );
      expect(error.code).toBe('TOKEN_REFUSED');
    });

    it.each([
      [{ error: 'invalid_grant', error_description: 'token expired' }, 'token expired', 'invalid_grant'],
      [{ error: 'invalid_grant' }, 'invalid_grant', 'invalid_grant'],
      [{ details: 'incorrect username or password' }, 'incorrect username or password', 'UNAUTHORIZED'],
      [{ errors: [{ code: 'A' }, { code: 'B', message: 'b' }] }, 'A; b', 'A'],
    ])('finds the message in %j', async (body, message, code) => {
      const error = await failureOf(request(json(body, 401)).grant);
      expect(error.message).toContain(`401 (${message})`);
      expect(error.code).toBe(code);
    });

    it('hides secrets the server repeats, and makes control characters visible', async () => {
      const encoded = Buffer.from('user:hunter2:x').toString('base64');
      const said = `no "hunter2:x", ${encoded}, refresh-1 \u001b[2J`;
      const credentials: Credentials = { ...IDENTITY, ...BASIC };
      const error = await failureOf(
        request(json({ errors: [{ code: said, message: said }] }, 403), { credentials }).grant,
      );
      expect(error.message).toContain('no "REDACTED", REDACTED, REDACTED \\u001b[2J');
    });

    it('shows a bounded part of a long message', async () => {
      const error = await failureOf(request(json({ errors: [{ message: 'x'.repeat(100_000) }] }, 403)).grant);
      expect(error.message.length).toBeLessThan(1000);
    });

    it.each([302, 400, 404])('takes %d for a refusal', async (status) => {
      const error = await failureOf(request({ status, headers: { location: 'https://elsewhere.example/' } }).grant);
      expect(error).toBeInstanceOf(AuthenticationError);
      expect(error.status).toBe(status);
    });

    it("shows nothing of the realm's own query", async () => {
      const realm = new URL('https://auth.example/token?key=hunter2');
      const error = await failureOf(request({ status: 401 }, { realm }).grant);
      expect(error.url).toBe('https://auth.example/token?key=REDACTED');
    });
  });

  describe('when the token server is busy, broken or slow', () => {
    it.each([429, 500, 502, 503])('fails with a retryable error for %d', async (status) => {
      const error = await failureOf(request({ status, body: '<html>' }).grant);
      expect(error).not.toBeInstanceOf(AuthenticationError);
      expect(error).toMatchObject({ status, retryable: true });
    });

    it('says until when it limits requests, and how that is known', async () => {
      const headers = { 'retry-after': '90' };
      const error = await failureOf(request({ status: 429, headers }).grant);
      expect(error).toBeInstanceOf(RateLimitError);
      const { resetAt } = error as RateLimitError;
      expect(Math.abs(Number(resetAt) - Date.now() - 90_000)).toBeLessThan(5000);
      expect(error.message).toContain(`auth.example for a token for registry.example`);
      expect(error.message).toContain(`429, until ${resetAt?.toISOString()}`);
    });

    it('may ask for a pause longer than it may take to answer', async () => {
      jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
      let isFirst = true;
      const busy = { status: 429, headers: { 'retry-after': '45' } };
      const inner = new FakeTransport(() => {
        const reply = isFirst ? busy : json({ token: 't' });
        isFirst = false;
        return reply;
      });
      const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
      const { grant } = request({}, { transport: new RetryTransport(inner, { sleep }) });
      await jest.advanceTimersByTimeAsync(46_000);
      await expect(grant).resolves.toMatchObject({ token: 't' });
    });

    it('is asked again when its answer breaks off', async () => {
      const broken = new RegistryError('broke off', { code: 'ECONNRESET', retryable: true });
      let count = 0;
      const inner = new FakeTransport(() => {
        if ((count += 1) > 1) return json({ token: 't' });
        return { body: new Readable({ read: (): void => undefined }).destroy(broken) };
      });
      const { grant } = request({}, { transport: new RetryTransport(inner, { baseDelay: 1 }) });
      await expect(grant).resolves.toMatchObject({ token: 't' });
    });

    it('is left alone as soon as the caller has gone', async () => {
      const abort = new AbortController();
      const { grant, transport } = request(() => new Promise(() => undefined), { signal: abort.signal });
      abort.abort('enough');
      await expect(grant).rejects.toBe('enough');
      expect(transport.requests[0]?.signal?.aborted).toBe(true);
    });

    it('fails with a retryable error when no answer comes in time', async () => {
      const error = await failureOf(request(() => new Promise(() => undefined), { timeout: 20 }).grant);
      expect(error).toMatchObject({ code: 'ETIMEDOUT', retryable: true });
      expect(error.message).toMatch(/auth\.example .* no answer within 0\.02 s$/);
    });

    it('fails the same way when the answer never ends', async () => {
      const body = new Readable({ read: () => undefined });
      const error = await failureOf(request({ body }, { timeout: 20 }).grant);
      expect(error).toMatchObject({ code: 'ETIMEDOUT', retryable: true });
      expect(body.destroyed).toBe(true);
    });

    it('passes on what the transport throws', async () => {
      const failure = new RegistryError('refused', { code: 'ECONNREFUSED', retryable: true });
      const { grant } = request(() => Promise.reject(failure));
      await expect(grant).rejects.toBe(failure);
    });
  });
});
