import { randomBytes } from 'node:crypto';
import { getEventListeners } from 'node:events';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  AuthenticationError,
  DigestMismatchError,
  InvalidArgumentError,
  NotFoundError,
  RateLimitError,
  RegistryError,
  TarReadError,
  UnsupportedError,
} from '../../lib/errors.js';
import { digestOf } from '../../lib/oci/digest.js';
import { BlobService } from '../../lib/services/blob-service.js';
import { type FakeReply, FakeTransport } from '../support/fake-transport.js';
import { OPTIONS, refusal, scripted, type Step, told } from './scripted.js';

const CONTENT = Buffer.from('the content of a layer');
const DIGEST = digestOf(CONTENT);
const ENCODED = encodeURIComponent(DIGEST);
const PATH = `/v2/team/app/blobs/${DIGEST}`;
const UPLOADS = '/v2/team/app/blobs/uploads/';
const SIZE = `${CONTENT.length} bytes`;

const HEAD = `HEAD ${PATH}`;
const POST = `POST ${UPLOADS}`;
const MOUNT = `POST ${UPLOADS}?mount=${ENCODED}&from=base`;
const put = (state: string, bytes = false) => `PUT /u/${state}&digest=${ENCODED}${bytes ? ` ${SIZE}` : ''}`;
const session = (state: string): FakeReply => ({ status: 202, headers: { location: `/u/${state}` } });
const stored: FakeReply = { status: 201, headers: { 'docker-content-digest': DIGEST } };
const broken = () => new RegistryError('the connection broke', { code: 'ECONNRESET', retryable: true });

const content = {
  descriptor: { mediaType: 'application/octet-stream', digest: DIGEST, size: CONTENT.length },
  open: () => Readable.from([CONTENT.subarray(0, 10), CONTENT.subarray(10)]),
};
const streamed = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', open: content.open };

/** Never answers; the caller gives up meanwhile. */
function unanswered(abort: AbortController): Promise<FakeReply> {
  setImmediate(() => abort.abort('enough'));
  return new Promise(() => undefined);
}

function setUp(...steps: Step[]) {
  const transport = scripted(...steps);
  return { transport, blobs: new BlobService(transport, OPTIONS) };
}

describe('BlobService', () => {
  const random = jest.spyOn(Math, 'random');

  beforeEach(() => void random.mockReturnValue(0));
  afterEach(() => void random.mockReset());

  describe('exists', () => {
    it('says yes to 200 and no to 404', async () => {
      const { transport, blobs } = setUp(200, 404, refusal(400, 'NAME_UNKNOWN'));
      await expect(blobs.exists('team/app', DIGEST)).resolves.toBe(true);
      await expect(blobs.exists('team/app', DIGEST)).resolves.toBe(false);
      await expect(blobs.exists('team/app', DIGEST)).resolves.toBe(false);
      expect(told(transport)).toEqual([HEAD, HEAD, HEAD]);
    });

    it('asks for the access it needs', async () => {
      const { transport, blobs } = setUp(200, 200);
      await blobs.exists('team/app', DIGEST);
      await blobs.exists('team/app', DIGEST, { forPush: true });
      expect(transport.requests.map(({ scopes }) => scopes)).toEqual([
        ['repository:team/app:pull'],
        ['repository:team/app:pull,push'],
      ]);
    });

    it.each([
      [401, AuthenticationError],
      [403, AuthenticationError],
      [405, UnsupportedError],
      [429, RateLimitError],
      [500, RegistryError],
      [204, RegistryError],
    ])('does not take a %i for either', async (status, Class) => {
      await expect(setUp(status).blobs.exists('team/app', DIGEST)).rejects.toBeInstanceOf(Class);
    });

    it.each([
      ['Team', DIGEST],
      ['team/app', 'sha256:../x'],
    ])('sends nothing for %s and %s', async (repository, digest) => {
      const { transport, blobs } = setUp();
      await expect(blobs.exists(repository, digest)).rejects.toBeInstanceOf(InvalidArgumentError);
      expect(transport.requests).toHaveLength(0);
    });

    it('can be aborted', async () => {
      const { blobs } = setUp(200);
      await expect(blobs.exists('team/app', DIGEST, { signal: AbortSignal.abort('enough') })).rejects.toBe('enough');
    });
  });

  describe('push', () => {
    describe('when the blob is already there', () => {
      it('sends no body', async () => {
        const { transport, blobs } = setUp(200);
        const open = jest.fn(content.open);
        const pushed = await blobs.push('team/app', { ...content, open });
        expect(pushed).toEqual({ descriptor: content.descriptor, outcome: 'exists', bytesSent: 0 });
        expect(told(transport)).toEqual([HEAD]);
        expect(open).not.toHaveBeenCalled();
      });
    });

    describe('when the blob is not there', () => {
      it('sends it in one PUT with its length', async () => {
        const { transport, blobs } = setUp(404, session('1?s=a'), stored);
        const pushed = await blobs.push('team/app', content);
        expect(pushed).toEqual({ descriptor: content.descriptor, outcome: 'uploaded', bytesSent: CONTENT.length });
        expect(told(transport)).toEqual([HEAD, POST, put('1?s=a', true)]);
        expect(transport.requests[2]).toMatchObject({ content: CONTENT, body: { size: CONTENT.length } });
        expect(new Set(transport.requests.map(({ scopes }) => scopes?.join(' ')))).toEqual(
          new Set(['repository:team/app:pull,push']),
        );
      });

      it('says how much was handed over, as it is', async () => {
        const onSent = jest.fn();
        await setUp(404, session('1?s=a'), stored).blobs.push('team/app', content, { onSent });
        expect(onSent.mock.calls).toEqual([[10], [12]]);
      });

      it('opens the content on the object it belongs to, and may wait for it', async () => {
        class Late {
          readonly descriptor = content.descriptor;
          readonly #bytes = CONTENT;
          open(): Promise<Readable> {
            return Promise.resolve(Readable.from([this.#bytes]));
          }
        }
        await expect(setUp(404, session('1?s=a'), stored).blobs.push('team/app', new Late())).resolves.toMatchObject({
          outcome: 'uploaded',
        });
      });

      it('may be empty', async () => {
        const { transport, blobs } = setUp(404, session('1?s=a'), 201);
        const descriptor = { ...content.descriptor, digest: digestOf(''), size: 0 };
        await blobs.push('team/app', { descriptor, open: () => Readable.from([]) });
        expect(transport.requests[2]).toMatchObject({ method: 'PUT', body: { size: 0 } });
      });
    });

    describe('when another repository has it', () => {
      const mountFrom = 'base';

      it('has it mounted, and sends no body', async () => {
        const { transport, blobs } = setUp(404, 201);
        const pushed = await blobs.push('team/app', content, { mountFrom });
        expect(pushed).toEqual({ descriptor: content.descriptor, outcome: 'mounted', bytesSent: 0 });
        expect(told(transport)).toEqual([HEAD, MOUNT]);
      });

      it('sends it to the session that a registry opens instead', async () => {
        const { transport, blobs } = setUp(404, session('1?s=a'), stored);
        const pushed = await blobs.push('team/app', content, { mountFrom });
        expect(pushed.outcome).toBe('uploaded');
        expect(told(transport)).toEqual([HEAD, MOUNT, put('1?s=a', true)]);
      });

      it.each([200, 400, 401, 403, 404, 405, 500])('uploads it when the mount is answered with %i', async (status) => {
        const { transport, blobs } = setUp(404, status, session('1?s=a'), stored);
        const pushed = await blobs.push('team/app', content, { mountFrom });
        expect(pushed.outcome).toBe('uploaded');
        expect(told(transport)).toEqual([HEAD, MOUNT, POST, put('1?s=a', true)]);
      });

      it('fails when the registry is not there', async () => {
        const { transport, blobs } = setUp(404, broken());
        await expect(blobs.push('team/app', content, { mountFrom })).rejects.toMatchObject({ code: 'ECONNRESET' });
        expect(told(transport)).toEqual([HEAD, MOUNT]);
      });

      it('lets no bad name into a URL', async () => {
        const { transport, blobs } = setUp(404);
        const pushing = blobs.push('team/app', content, { mountFrom: '../base' });
        await expect(pushing).rejects.toBeInstanceOf(InvalidArgumentError);
        expect(told(transport)).toEqual([]);
      });
    });

    describe('when asking for it is forbidden', () => {
      it('tries to send it, for one may push and not read', async () => {
        const { transport, blobs } = setUp(403, session('1?s=a'), stored);
        await expect(blobs.push('team/app', content)).resolves.toMatchObject({ outcome: 'uploaded' });
        expect(told(transport)).toEqual([HEAD, POST, put('1?s=a', true)]);
      });

      it('says what the registry says to that, for HEAD has no room for a reason', async () => {
        const { blobs } = setUp(403, refusal(403, 'DENIED', 'read only'));
        const error = await blobs.push('team/app', content).catch((caught: unknown) => caught as Error);
        expect(error).toBeInstanceOf(AuthenticationError);
        expect((error as Error).message).toContain('answered 403 Forbidden (DENIED: read only)');
      });
    });

    describe('when a step fails', () => {
      it.each<[string, Step[], string[]]>([
        ['HEAD', [500], [HEAD]],
        ['HEAD by 401', [401], [HEAD]],
        ['HEAD by a broken connection', [broken()], [HEAD]],
        ['POST', [404, 503], [HEAD, POST]],
        ['POST by 404', [404, refusal(404, 'NAME_UNKNOWN')], [HEAD, POST]],
        ['POST by a broken connection', [404, broken()], [HEAD, POST]],
        ['POST by 413', [404, 413], [HEAD, POST]],
        ['POST by a web page', [404, { status: 200, body: '<html>' }], [HEAD, POST]],
      ])('%s, it has been tried often enough by the transport', async (_, steps, expected) => {
        const { transport, blobs } = setUp(...steps);
        await expect(blobs.push('team/app', content)).rejects.toBeInstanceOf(RegistryError);
        expect(told(transport)).toEqual(expected);
      });

      it.each<[string, Step]>([
        ['400', refusal(400, 'SIZE_INVALID')],
        ['401', 401],
        ['403', refusal(403, 'DENIED')],
        ['200 of a web page', { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' }],
      ])('PUT by %s, the session is given back, and that is the end', async (_, step) => {
        const { transport, blobs } = setUp(404, session('1?s=a'), step, 204);
        await expect(blobs.push('team/app', content)).rejects.toBeInstanceOf(RegistryError);
        expect(told(transport)).toEqual([HEAD, POST, put('1?s=a', true), 'DELETE /u/1?s=a']);
      });

      it.each<[string, () => Step]>([
        ['a broken connection', broken],
        ['500', () => 500],
        ['503', () => 503],
        ['404', () => 404],
        ['416', () => 416],
        ['a lost session', () => refusal(404, 'BLOB_UPLOAD_UNKNOWN')],
        ['an invalid session', () => refusal(400, 'BLOB_UPLOAD_INVALID')],
      ])('PUT by %s, and the blob is not there, it is sent to a new session', async (_, step) => {
        const { transport, blobs } = setUp(404, session('1?s=a'), step(), 404, 204, 404, session('2?s=b'), stored);
        const onSent = jest.fn();
        const pushed = await blobs.push('team/app', content, { onSent });
        expect(pushed).toMatchObject({ outcome: 'uploaded', bytesSent: 2 * CONTENT.length });
        expect(told(transport)).toEqual(
          [HEAD, POST, put('1?s=a', true), HEAD, 'DELETE /u/1?s=a'].concat([HEAD, POST, put('2?s=b', true)]),
        );
        expect(onSent.mock.calls).toEqual([[10], [12], [-22], [10], [12]]);
      });

      it.each<[string, () => Step]>([
        ['a broken connection', broken],
        ['500', () => 500],
        ['a lost session', () => refusal(404, 'BLOB_UPLOAD_UNKNOWN')],
      ])('PUT by %s, and the blob is there, all is well', async (_, step) => {
        const { transport, blobs } = setUp(404, session('1?s=a'), step(), 200);
        const pushed = await blobs.push('team/app', content);
        expect(pushed).toEqual({ descriptor: content.descriptor, outcome: 'uploaded', bytesSent: CONTENT.length });
        expect(told(transport)).toEqual([HEAD, POST, put('1?s=a', true), HEAD]);
      });

      it('PUT, and the blob turns up a moment later, all is well', async () => {
        const { blobs } = setUp(404, session('1?s=a'), 500, 404, 404, 200);
        const onSent = jest.fn();
        await expect(blobs.push('team/app', content, { onSent })).resolves.toMatchObject({ outcome: 'uploaded' });
        expect(onSent.mock.calls).toEqual([[10], [12]]);
      });

      it('PUT, and so does the question after it, the first error counts', async () => {
        const { transport, blobs } = setUp(404, session('1?s=a'), broken(), 500, 204, 401);
        await expect(blobs.push('team/app', content)).rejects.toMatchObject({ status: 401 });
        expect(told(transport).slice(3)).toEqual([HEAD, 'DELETE /u/1?s=a', HEAD]);
      });

      it('four sessions, there is no fifth', async () => {
        const round = (): Step[] => [404, session('1?s=a'), 503, 404, 204];
        const { transport, blobs } = setUp(...round(), ...round(), ...round(), ...round());
        await expect(blobs.push('team/app', content)).rejects.toMatchObject({ status: 503 });
        expect(told(transport).filter((call) => call.startsWith('PUT'))).toHaveLength(4);
      });

      it('the registry went away in the middle of it all, it is waited for', async () => {
        const { transport, blobs } = setUp(
          ...[404, session('1?s=a'), broken(), broken(), broken()],
          ...[broken(), 404, session('2?s=b'), stored],
        );
        await expect(blobs.push('team/app', content)).resolves.toMatchObject({ outcome: 'uploaded' });
        expect(told(transport).slice(3)).toEqual([HEAD, 'DELETE /u/1?s=a', HEAD, HEAD, POST, put('2?s=b', true)]);
      });

      it('by a digest that does not match, it is sent once more: bytes can be damaged on their way', async () => {
        const damaged = refusal(400, 'DIGEST_INVALID');
        const { blobs } = setUp(404, session('1?s=a'), damaged, 204, 404, session('2?s=b'), stored);
        await expect(blobs.push('team/app', content)).resolves.toMatchObject({ outcome: 'uploaded' });
        const twice = setUp(404, session('1?s=a'), damaged, 204, 404, session('2?s=b'), damaged, 204);
        await expect(twice.blobs.push('team/app', content)).rejects.toMatchObject({ code: 'DIGEST_INVALID' });
      });

      it('by a digest that does not match, after another failure, it is sent once more as well', async () => {
        const damaged = refusal(400, 'DIGEST_INVALID');
        const { blobs } = setUp(
          ...[404, session('1?s=a'), 503, 404, 204],
          ...[404, session('2?s=b'), damaged, 204],
          ...[404, session('3?s=c'), stored],
        );
        await expect(blobs.push('team/app', content)).resolves.toMatchObject({ outcome: 'uploaded' });
      });

      it('by a registry that stored something else, it is not sent again', async () => {
        const other = { status: 201, headers: { 'docker-content-digest': digestOf('other') } };
        const { transport, blobs } = setUp(404, session('1?s=a'), other);
        await expect(blobs.push('team/app', content)).rejects.toBeInstanceOf(DigestMismatchError);
        expect(told(transport)).toHaveLength(3);
      });

      it('waits longer each time', async () => {
        random.mockReturnValueOnce(0.01).mockReturnValueOnce(0.01).mockReturnValueOnce(0.01);
        const round = (): Step[] => [404, session('1?s=a'), 503, 404, 204];
        const { blobs } = setUp(...round(), ...round(), ...round(), ...round());
        const start = performance.now();
        await blobs.push('team/app', content).catch(() => undefined);
        // A hundredth of 600, 1200 and 2400 milliseconds.
        expect(performance.now() - start).toBeGreaterThan(40);
      });
    });

    describe('when the registry limits requests', () => {
      const limited = (after: string): FakeReply => ({ status: 429, headers: { 'retry-after': after } });

      it('waits as long as it asks', async () => {
        const { blobs } = setUp(404, session('1?s=a'), limited('1'), 404, 204, 404, session('2?s=b'), stored);
        const start = performance.now();
        await blobs.push('team/app', content);
        expect(performance.now() - start).toBeGreaterThan(900);
      });

      it('does not wait for hours', async () => {
        const { transport, blobs } = setUp(404, session('1?s=a'), limited('3600'), 404, 204);
        await expect(blobs.push('team/app', content)).rejects.toBeInstanceOf(RateLimitError);
        expect(told(transport)).toHaveLength(5);
      });
    });

    describe('when the content fails', () => {
      it('gives the session back, and throws what the content fails with', async () => {
        const error = new TarReadError('app.tar was cut short');
        const open = () =>
          Readable.from(
            (async function* () {
              yield await Promise.resolve(CONTENT.subarray(0, 5));
              throw error;
            })(),
          );
        const { transport, blobs } = setUp(404, session('1?s=a'), 204);
        await expect(blobs.push('team/app', { ...content, open })).rejects.toBe(error);
        expect(told(transport)).toEqual([HEAD, POST, 'DELETE /u/1?s=a']);
      });

      it('does so when it cannot even be opened', async () => {
        const error = new Error('no such entry');
        const open = (): Readable => {
          throw error;
        };
        const { transport, blobs } = setUp(404, session('1?s=a'), 204);
        await expect(blobs.push('team/app', { ...content, open })).rejects.toBe(error);
        expect(told(transport)).toEqual([HEAD, POST, 'DELETE /u/1?s=a']);
      });
    });

    describe('when it is aborted', () => {
      const abortAt = (step: number, ...steps: Step[]) => {
        const abort = new AbortController();
        const left = [...steps];
        let count = 0;
        const transport = new FakeTransport(() => {
          if (++count === step) return unanswered(abort);
          const next = left.shift();
          return typeof next === 'number' ? { status: next } : (next as FakeReply);
        });
        return { transport, abort, blobs: new BlobService(transport, OPTIONS) };
      };

      it('before it starts, sends nothing', async () => {
        const { transport, blobs } = setUp();
        const signal = AbortSignal.abort('enough');
        await expect(blobs.push('team/app', content, { signal })).rejects.toBe('enough');
        expect(transport.requests).toHaveLength(0);
      });

      it('while it asks, sends nothing more', async () => {
        const { transport, abort, blobs } = abortAt(1);
        await expect(blobs.push('team/app', content, { signal: abort.signal })).rejects.toBe('enough');
        expect(told(transport)).toEqual([HEAD]);
      });

      it('while it sends, gives the session back with a signal of its own', async () => {
        const { transport, abort, blobs } = abortAt(3, 404, session('1?s=a'), 204);
        await expect(blobs.push('team/app', content, { signal: abort.signal })).rejects.toBe('enough');
        expect(told(transport)).toEqual([HEAD, POST, put('1?s=a', true), 'DELETE /u/1?s=a']);
        expect(transport.requests[3]?.signal?.aborted).toBe(false);
      });

      it('while the session is given back, throws the reason and not what went before', async () => {
        const abort = new AbortController();
        const giveBack = (): FakeReply => {
          abort.abort('enough');
          return { status: 204 };
        };
        const { blobs } = setUp(404, session('1?s=a'), 403, giveBack);
        await expect(blobs.push('team/app', content, { signal: abort.signal })).rejects.toBe('enough');
      });

      it('while it waits for another try, tries no more', async () => {
        random.mockReturnValue(1);
        const abort = new AbortController();
        const { transport, blobs } = setUp(404, session('1?s=a'), 500, 404, 204);
        setTimeout(() => abort.abort('enough'), 50);
        await expect(blobs.push('team/app', content, { signal: abort.signal })).rejects.toBe('enough');
        expect(told(transport)).toHaveLength(5);
      });

      it('listens to nothing afterwards', async () => {
        const { signal } = new AbortController();
        await setUp(404, session('1?s=a'), 500, 404, 204, 200).blobs.push('team/app', content, { signal });
        expect(getEventListeners(signal, 'abort')).toHaveLength(0);
      });
    });
  });

  describe('pushStream', () => {
    const PATCH = (state: string) => `PATCH /u/${state} ${SIZE}`;
    const descriptor = { mediaType: streamed.mediaType, digest: DIGEST, size: CONTENT.length };

    it('sends one PATCH without a range, and ends it with the digest of what went out', async () => {
      const { transport, blobs } = setUp(session('1?s=a'), session('1?s=b'), stored);
      const pushed = await blobs.pushStream('team/app', streamed);
      expect(pushed).toEqual({ descriptor, outcome: 'uploaded', bytesSent: CONTENT.length });
      expect(told(transport)).toEqual([POST, PATCH('1?s=a'), put('1?s=b')]);
      expect(transport.requests[1]?.headers).toEqual({ 'content-type': 'application/octet-stream' });
      expect(transport.requests[1]?.content).toEqual(CONTENT);
    });

    it('sends nothing for a bad name', async () => {
      const { transport, blobs } = setUp();
      await expect(blobs.pushStream('Team', streamed)).rejects.toBeInstanceOf(InvalidArgumentError);
      expect(transport.requests).toHaveLength(0);
    });

    it.each<[string, () => Step]>([
      ['a broken connection', broken],
      ['500', () => 500],
      ['a lost session', () => refusal(404, 'BLOB_UPLOAD_UNKNOWN')],
      ['416', () => refusal(416, 'RANGE_INVALID')],
    ])('starts over with a new session when the PATCH fails by %s', async (_, step) => {
      const { transport, blobs } = setUp(session('1?s=a'), step(), 204, session('2?s=a'), session('2?s=b'), stored);
      const onSent = jest.fn();
      const pushed = await blobs.pushStream('team/app', streamed, { onSent });
      expect(pushed).toEqual({ descriptor, outcome: 'uploaded', bytesSent: 2 * CONTENT.length });
      expect(told(transport)).toEqual(
        [POST, PATCH('1?s=a'), 'DELETE /u/1?s=a'].concat([POST, PATCH('2?s=a'), put('2?s=b')]),
      );
      expect(onSent.mock.calls).toEqual([[10], [12], [-22], [10], [12]]);
    });

    it('finds what was stored though the last answer was lost', async () => {
      const { transport, blobs } = setUp(session('1?s=a'), session('1?s=b'), broken(), 200);
      const pushed = await blobs.pushStream('team/app', streamed);
      expect(pushed).toEqual({ descriptor, outcome: 'uploaded', bytesSent: CONTENT.length });
      expect(told(transport)).toEqual([POST, PATCH('1?s=a'), put('1?s=b'), HEAD]);
    });

    it('gives the session back where it is now when the PUT fails', async () => {
      const { transport, blobs } = setUp(session('1?s=a'), session('1?s=b'), refusal(400, 'SIZE_INVALID'), 204);
      await expect(blobs.pushStream('team/app', streamed)).rejects.toMatchObject({ code: 'SIZE_INVALID' });
      expect(told(transport).at(-1)).toBe('DELETE /u/1?s=b');
    });

    it('fails with what its content fails with', async () => {
      const error = new Error('it is not the layer that the config names');
      const open = () => new Readable({ read: () => undefined }).destroy(error);
      const { transport, blobs } = setUp(session('1?s=a'), 204);
      await expect(blobs.pushStream('team/app', { ...streamed, open })).rejects.toBe(error);
      expect(told(transport)).toEqual([POST, 'DELETE /u/1?s=a']);
    });

    it('takes no part of the content for the whole', async () => {
      const calls: string[] = [];
      const transport = {
        send: async ({ method, url, body }: { method: string; url: URL; body?: { open(): unknown } }) => {
          calls.push(method);
          const source = (await body?.open()) as Readable | undefined;
          for await (const _ of source ?? []) break;
          const headers = { location: '/u/1' };
          return { status: method === 'DELETE' ? 204 : 202, url, headers, body: Readable.from([]) };
        },
      };
      const blobs = new BlobService(transport, OPTIONS);
      await expect(blobs.pushStream('team/app', streamed)).rejects.toMatchObject({ code: 'UPLOAD_UNFINISHED' });
      expect(calls).not.toContain('PUT');
    });

    it('has the digest of what was sent last, when a transport sends it twice', async () => {
      const first = Readable.from(
        (async function* () {
          yield CONTENT.subarray(0, 3);
          await new Promise((resolve) => setTimeout(resolve, 20));
          yield CONTENT.subarray(3);
        })(),
      );
      const sources = [first, content.open()];
      const sent: number[] = [];
      const inner = scripted(session('1?s=a'), session('1?s=b'), stored);
      const transport = {
        send: async (request: Parameters<typeof inner.send>[0]) => {
          if (request.method === 'PATCH') {
            const early = (await request.body?.open()) as Readable;
            await new Promise((resolve) => early.once('data', resolve));
            early.destroy();
          }
          return inner.send(request);
        },
      };
      const blobs = new BlobService(transport, OPTIONS);
      const open = () => sources.shift() as Readable;
      const pushed = await blobs.pushStream('team/app', { ...streamed, open }, { onSent: (bytes) => sent.push(bytes) });
      await new Promise((resolve) => setTimeout(resolve, 30));
      expect(pushed).toEqual({ descriptor, outcome: 'uploaded', bytesSent: 3 + CONTENT.length });
      expect(sent).toEqual([3, -3, 10, 12]);
    });

    it('can be aborted, and gives the session back', async () => {
      const abort = new AbortController();
      const { transport, blobs } = setUp(session('1?s=a'), () => unanswered(abort), 204);
      await expect(blobs.pushStream('team/app', streamed, { signal: abort.signal })).rejects.toBe('enough');
      expect(told(transport)).toEqual([POST, PATCH('1?s=a'), 'DELETE /u/1?s=a']);
    });
  });

  describe('link', () => {
    const { descriptor } = content;
    const mountFrom = 'base';
    const link = (blobs: BlobService, from?: string) => blobs.link('team/app', descriptor, { mountFrom: from });

    it('finds what is there, and asks no more', async () => {
      const { transport, blobs } = setUp(200);
      expect(await link(blobs, mountFrom)).toEqual({ descriptor, outcome: 'exists', bytesSent: 0 });
      expect(told(transport)).toEqual([HEAD]);
    });

    it('mounts what another repository has, with a token for both', async () => {
      const { transport, blobs } = setUp(404, 201);
      expect(await link(blobs, mountFrom)).toEqual({ descriptor, outcome: 'mounted', bytesSent: 0 });
      expect(told(transport)).toEqual([HEAD, MOUNT]);
      const scopes = ['repository:team/app:pull,push', 'repository:base:pull'];
      expect(transport.requests.map((request) => request.scopes)).toEqual([scopes, scopes]);
    });

    it.each([undefined, 'team/app'])('has nothing to mount from %p', async (from) => {
      const { transport, blobs } = setUp(404);
      expect(await link(blobs, from)).toBeUndefined();
      expect(told(transport)).toEqual([HEAD]);
    });

    it('gives the session back that a registry opens instead', async () => {
      const { transport, blobs } = setUp(404, session('1?s=a'), 204);
      expect(await link(blobs, mountFrom)).toBeUndefined();
      expect(told(transport)).toEqual([HEAD, MOUNT, 'DELETE /u/1?s=a']);
    });

    it.each([200, 400, 401, 403, 404, 405, 500])('is none when the mount is answered with %i', async (status) => {
      const { transport, blobs } = setUp(404, status);
      expect(await link(blobs, mountFrom)).toBeUndefined();
      expect(told(transport)).toEqual([HEAD, MOUNT]);
    });

    it('goes without the other repository when that may not be read', async () => {
      const { transport, blobs } = setUp(401, 200);
      expect(await link(blobs, mountFrom)).toMatchObject({ outcome: 'exists' });
      expect(transport.requests[1]?.scopes).toEqual(['repository:team/app:pull,push']);
    });

    it('tries to mount where asking is forbidden', async () => {
      const { transport, blobs } = setUp(403, 403, 201);
      expect(await link(blobs, mountFrom)).toMatchObject({ outcome: 'mounted' });
      expect(told(transport)).toEqual([HEAD, HEAD, MOUNT]);
    });

    it.each<[string, Step[], string[]]>([
      ['HEAD by 500', [500], [HEAD]],
      ['HEAD by a broken connection', [broken()], [HEAD]],
      ['the mount by a broken connection', [404, broken()], [HEAD, MOUNT]],
    ])('fails with %s', async (_, steps, expected) => {
      const { transport, blobs } = setUp(...steps);
      await expect(link(blobs, mountFrom)).rejects.toBeInstanceOf(RegistryError);
      expect(told(transport)).toEqual(expected);
    });

    it('lets no bad name into a URL', async () => {
      const { transport, blobs } = setUp();
      await expect(link(blobs, '../base')).rejects.toBeInstanceOf(InvalidArgumentError);
      const bad = { ...descriptor, digest: 'sha256:../x' };
      await expect(blobs.link('team/app', bad)).rejects.toBeInstanceOf(InvalidArgumentError);
      expect(told(transport)).toEqual([]);
    });

    it('can be aborted', async () => {
      const abort = new AbortController();
      const { blobs } = setUp(404, () => unanswered(abort));
      await expect(blobs.link('team/app', descriptor, { mountFrom, signal: abort.signal })).rejects.toBe('enough');
    });
  });

  describe('fetch', () => {
    const { digest, size } = content.descriptor;

    it('gives the bytes', async () => {
      const { transport, blobs } = setUp({ body: CONTENT, headers: { 'content-length': String(size) } });
      expect(await buffer(await blobs.fetch('team/app', { digest, size }))).toEqual(CONTENT);
      expect(told(transport)).toEqual([`GET ${PATH}`]);
      expect(transport.requests[0]?.scopes).toEqual(['repository:team/app:pull']);
    });

    it.each([
      ['other bytes', randomBytes(CONTENT.length)],
      ['more bytes', Buffer.concat([CONTENT, CONTENT])],
    ])('fails with %s instead of ending', async (_, body) => {
      const stream = await setUp({ body }).blobs.fetch('team/app', { digest, size });
      const failing = buffer(stream);
      await expect(failing).rejects.toBeInstanceOf(DigestMismatchError);
      await expect(failing).rejects.toThrow(`fetching ${digest} from team/app: expected`);
    });

    it('refuses another length before it reads', async () => {
      const { transport, blobs } = setUp({ body: CONTENT, headers: { 'content-length': '1000000000' } });
      const failing = blobs.fetch('team/app', { digest, size }).then((stream) => buffer(stream));
      await expect(failing).rejects.toMatchObject({ expected: `${size} bytes`, actual: '1000000000 bytes' });
      expect(transport.openBodies).toBe(0);
    });

    it('ends the answer when its stream is dropped', async () => {
      const body = new Readable({ read: () => undefined });
      const stream = await setUp({ body }).blobs.fetch('team/app', { digest, size });
      stream.destroy();
      await new Promise((resolve) => stream.once('close', resolve));
      expect(body.destroyed).toBe(true);
    });

    it('tells a failure to whoever reads later', async () => {
      const body = new Readable({ read: () => undefined });
      const stream = await setUp({ body }).blobs.fetch('team/app', { digest, size });
      body.destroy(new Error('reset'));
      await new Promise((resolve) => setTimeout(resolve, 5));
      await expect(buffer(stream)).rejects.toThrow('reset');
    });

    it('says that it is not there', async () => {
      const { blobs } = setUp(refusal(404, 'BLOB_UNKNOWN'));
      await expect(blobs.fetch('team/app', { digest, size })).rejects.toBeInstanceOf(NotFoundError);
    });
  });

  describe('delete', () => {
    it.each([200, 202, 204])('is done with %i', async (status) => {
      const { transport, blobs } = setUp(status);
      await expect(blobs.delete('team/app', DIGEST)).resolves.toBeUndefined();
      expect(told(transport)).toEqual([`DELETE ${PATH}`]);
      expect(transport.requests[0]?.scopes).toEqual(['repository:team/app:delete,pull']);
    });

    it('says that the registry does not delete, or has nothing to delete', async () => {
      const { blobs } = setUp(refusal(405, 'UNSUPPORTED'), refusal(404, 'BLOB_UNKNOWN'));
      await expect(blobs.delete('team/app', DIGEST)).rejects.toBeInstanceOf(UnsupportedError);
      await expect(blobs.delete('team/app', DIGEST)).rejects.toBeInstanceOf(NotFoundError);
    });
  });
});
