import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  AuthenticationError,
  DigestMismatchError,
  NotFoundError,
  RateLimitError,
  RegistryError,
  UnsupportedError,
} from '../../lib/errors.js';
import { assertStored, expectStatus, notARegistry, readBody } from '../../lib/services/response.js';
import type { TransportResponse } from '../../lib/transport/transport.js';

const url = new URL('https://registry.example/v2/app/blobs/uploads/?state=hunter2&digest=sha256:ab');
const request = { method: 'POST', url, headers: { authorization: 'Bearer hunter2' } };
const doing = 'starting an upload to app';

function response(status: number, body: string | Buffer | Readable = '', headers = {}): TransportResponse {
  const stream = body instanceof Readable ? body : Readable.from([Buffer.from(body)], { objectMode: false });
  return { status, url, headers, body: stream };
}

function errorsBody(...errors: unknown[]): string {
  return JSON.stringify({ errors });
}

async function failure(...answer: Parameters<typeof response>): Promise<RegistryError> {
  const error = await expectStatus(request, response(...answer), [202], doing).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(RegistryError);
  return error as RegistryError;
}

describe('expectStatus', () => {
  it('hands on an answer with an expected status, unread', async () => {
    const answer = response(202, 'body');
    await expect(expectStatus(request, answer, [201, 202], doing)).resolves.toBe(answer);
    expect(answer.body.readableDidRead).toBe(false);
  });

  it('says what was being done, to what, what came back and what to try', async () => {
    const body = errorsBody(
      { code: 'DENIED', message: 'requested access to the resource is denied', detail: { name: 'app' } },
      { code: 'UNKNOWN' },
    );
    const error = await failure(403, body, { 'content-type': 'application/json' });
    expect(error.message).toBe(
      'starting an upload to app: POST https://registry.example/v2/app/blobs/uploads/?state=REDACTED&digest=sha256:ab ' +
        'answered 403 Forbidden (DENIED: requested access to the resource is denied; UNKNOWN). ' +
        'Check that this user may do this in this repository.',
    );
    expect(error).toMatchObject({
      code: 'DENIED',
      status: 403,
      method: 'POST',
      url: 'https://registry.example/v2/app/blobs/uploads/?state=REDACTED&digest=sha256:ab',
      errors: [
        { code: 'DENIED', message: 'requested access to the resource is denied', detail: { name: 'app' } },
        { code: 'UNKNOWN' },
      ],
    });
  });

  it.each([
    [401, AuthenticationError, false],
    [403, AuthenticationError, false],
    [404, NotFoundError, false],
    [405, UnsupportedError, false],
    [429, RateLimitError, true],
    [400, RegistryError, false],
    [409, RegistryError, false],
    [413, RegistryError, false],
    [416, RegistryError, false],
    [200, RegistryError, false],
    [408, RegistryError, true],
    [500, RegistryError, true],
    [501, RegistryError, false],
    [503, RegistryError, true],
    [507, RegistryError, false],
    [522, RegistryError, true],
  ])('makes of a %i a %p, retryable: %p', async (status, Class, retryable) => {
    const error = await failure(status);
    expect(error.constructor).toBe(Class);
    expect(error).toMatchObject({ status, retryable, code: `HTTP_${status}`, errors: [] });
  });

  it.each([
    [400, 'NAME_UNKNOWN', NotFoundError],
    [400, 'MANIFEST_UNKNOWN', NotFoundError],
    [400, 'UNSUPPORTED', UnsupportedError],
    [400, 'DENIED', AuthenticationError],
    [400, 'UNAUTHORIZED', AuthenticationError],
    [400, 'TOOMANYREQUESTS', RateLimitError],
    [400, 'MANIFEST_BLOB_UNKNOWN', RegistryError],
    [405, 'DENIED', UnsupportedError],
    [404, 'UNSUPPORTED', NotFoundError],
    [401, 'UNSUPPORTED', AuthenticationError],
    [413, 'DENIED', RegistryError],
    [500, 'DENIED', RegistryError],
  ])('decides on the status %i before the code %s', async (status, code, Class) => {
    const error = await failure(status, errorsBody({ code, message: 'x' }));
    expect(error.constructor).toBe(Class);
    expect(error.code).toBe(code);
  });

  describe('a limit of requests', () => {
    beforeEach(() => {
      const doNotFake = ['nextTick', 'setImmediate', 'queueMicrotask'] as const;
      jest.useFakeTimers({ now: Date.parse('2026-01-01T00:00:00Z'), doNotFake: [...doNotFake] });
    });

    afterEach(() => void jest.useRealTimers());

    it('says when it ends', async () => {
      const error = await failure(429, errorsBody({ code: 'TOOMANYREQUESTS' }), { 'retry-after': '3600' });
      expect(error).toMatchObject({ resetAt: new Date('2026-01-01T01:00:00Z'), code: 'TOOMANYREQUESTS' });
      expect(error.message).toContain('(TOOMANYREQUESTS), until 2026-01-01T01:00:00.000Z. The registry limits');
    });

    it('may not say when it ends', async () => {
      const error = await failure(429);
      expect((error as RateLimitError).resetAt).toBeUndefined();
      expect(error.message).not.toContain('until');
    });

    it('ends some day, whatever number the header has', async () => {
      const error = await failure(429, '', { 'retry-after': '9'.repeat(30) });
      expect((error as RateLimitError).resetAt?.getFullYear()).toBe(2027);
    });
  });

  it.each([
    ['text', 'true\n'],
    ['half of JSON', '{"errors":[{"code":'],
    ['another JSON', '{"details":"no"}'],
    ['errors that are an object', '{"errors":{"code":"DENIED"}}'],
    ['errors that are none', '{"errors":[null,1,"DENIED",{"message":"x"},{"code":5}]}'],
    ['a list', '["DENIED"]'],
    ['nothing', ''],
    ['prototypes', '{"__proto__":{"errors":[{"code":"DENIED"}]}}'],
  ])('makes do with %s as the body', async (_, body) => {
    expect(await failure(500, body)).toMatchObject({ code: 'HTTP_500', errors: [] });
  });

  it('says that a web page answered', async () => {
    const html = { 'content-type': 'text/html; charset=utf-8' };
    expect((await failure(404, '<html>', html)).hint).toBe(
      'It answered with a web page: is this the address of a registry?',
    );
    expect((await failure(200, '<html>', html)).hint).toContain('web page');
    expect((await failure(200, '{}')).hint).toContain('A registry answers otherwise');
  });

  it('says where a redirect leads that was not followed', async () => {
    const error = await failure(301, '', { location: 'https://other.example/v2/?token=hunter2' });
    expect(error.hint).toBe('It redirects to https://other.example/v2/?token=REDACTED: use that address.');
  });

  it('says who may be to blame for a 413', async () => {
    expect((await failure(413)).hint).toContain('proxy');
  });

  it('shows no control characters of the registry, and not all of what it says', async () => {
    const error = await failure(400, errorsBody({ code: 'X\u001b[2J', message: `\u202e${'y'.repeat(2000)}` }));
    expect(error.code).toBe('X\\u001b[2J');
    expect(error.message).toContain('\\u202eyyy');
    expect(error.message.length).toBeLessThan(1000);
    const many = await failure(400, errorsBody(...Array.from({ length: 100 }, () => ({ code: 'X' }))));
    expect(many.errors).toHaveLength(10);
  });

  it('shows no secret of the request', async () => {
    const error = await failure(500, errorsBody({ code: 'UNKNOWN', message: 'boom' }));
    expect(JSON.stringify({ ...error, message: error.message, stack: error.stack })).not.toContain('hunter2');
  });

  it('reads no more than 64 KiB of an error, and ends it', async () => {
    let produced = 0;
    const endless = new Readable({
      read() {
        produced += 16 * 1024;
        this.push(Buffer.alloc(16 * 1024, ' '));
      },
    });
    await failure(500, endless);
    expect(produced).toBeLessThanOrEqual(256 * 1024);
    expect(endless.destroyed).toBe(true);
  });

  it('does not wait for an error that never ends', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    const silent = new Readable({ read: () => undefined });
    const failing = failure(500, silent);
    await jest.advanceTimersByTimeAsync(5000);
    expect((await failing).status).toBe(500);
    expect(silent.destroyed).toBe(true);
    jest.useRealTimers();
  });

  it('makes do with an error that breaks off', async () => {
    const broken = new Readable({ read: () => undefined });
    broken.push(errorsBody({ code: 'DENIED' }).slice(0, 5));
    setImmediate(() => broken.destroy(new Error('reset')));
    expect((await failure(403, broken)).code).toBe('HTTP_403');
  });
});

describe('readBody', () => {
  it('reads all of it', async () => {
    const body = Readable.from([Buffer.from('con'), Buffer.from('tent')]);
    await expect(readBody(response(200, body), 7, doing)).resolves.toEqual(Buffer.from('content'));
  });

  it('reads no more than it may', async () => {
    const body = Readable.from([Buffer.from('con'), Buffer.from('tent')]);
    await expect(readBody(response(200, body), 6, doing)).rejects.toMatchObject({
      code: 'RESPONSE_TOO_LARGE',
      message: expect.stringMatching(/^starting an upload to app: https:.* answered with more than 6 bytes$/),
    });
    expect(body.destroyed).toBe(true);
  });

  it('fails with a body that breaks off', async () => {
    const body = new Readable({ read: () => undefined }).destroy(new Error('reset'));
    await expect(readBody(response(200, body), 10, doing)).rejects.toThrow('reset');
  });
});

describe('assertStored', () => {
  const sha256 = `sha256:${'a'.repeat(64)}`;
  const sha512 = `sha512:${'b'.repeat(128)}`;
  const answer = (stored?: string) => ({
    status: 201,
    url,
    headers: stored === undefined ? {} : { 'docker-content-digest': stored },
  });

  it.each([
    ['the same', sha256, sha256],
    ['nothing', undefined, sha256],
    ['an empty header', '', sha256],
    ['the sha256 of what was sent under sha512', sha256, sha512],
  ])('accepts %s', (_, stored, digest) => {
    expect(() => assertStored(answer(stored), digest, doing)).not.toThrow();
  });

  it.each([
    ['another digest', `sha256:${'c'.repeat(64)}`, sha256],
    ['another sha512', `sha512:${'c'.repeat(128)}`, sha512],
    ['what is no digest', 'W/"etag"', sha256],
  ])('refuses %s', (_, stored, digest) => {
    const expected = { expected: digest, actual: stored, code: 'DIGEST_MISMATCH', retryable: false };
    expect(() => assertStored(answer(stored), digest, doing)).toThrow(expect.objectContaining(expected));
    expect(() => assertStored(answer(stored), digest, doing)).toThrow(DigestMismatchError);
  });
});

describe('notARegistry', () => {
  it('says what answered', () => {
    const error = notARegistry({ status: 200, url, headers: { 'content-type': 'text/html\u001b[2J' } }, 'checking');
    expect(error).toMatchObject({ code: 'NOT_A_REGISTRY', status: 200, retryable: false });
    expect(error.message).toMatch(
      /^checking: https:.* answered 200 with text\/html\\u001b\[2J, which is no answer of a registry\. Is/,
    );
    expect(notARegistry({ status: 200, url, headers: {} }, 'checking').message).toContain('with no content type');
  });
});
