import { randomBytes } from 'node:crypto';
import { getEventListeners } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { RegistryClientError } from '../../lib/errors.js';
import { digestOf } from '../../lib/oci/digest.js';
import type { RequestBody, Transport, TransportRequest } from '../../lib/transport/transport.js';
import { Caller, withDigest } from './caller.js';

export interface TransportUnderTest {
  transport: Transport;
  /** Of a registry without authentication that the transport reaches. */
  url: URL;
  stop(): Promise<void> | void;
}

const MIB = 1024 * 1024;

/**
 * What every `Transport` promises, whatever it wraps or speaks through; said in requests to a registry, because that is
 * what all of them can reach.
 */
export function describeTransport(name: string, start: () => Promise<TransportUnderTest> | TransportUnderTest): void {
  describe(`${name} as a transport`, () => {
    let underTest: TransportUnderTest;
    let transport: Transport;
    let caller: Caller;
    let repository: string;

    beforeAll(async () => {
      underTest = await start();
      transport = underTest.transport;
      caller = new Caller(transport, underTest.url);
    });

    afterAll(async () => {
      await transport.close?.();
      await underTest.stop();
    });

    beforeEach(() => {
      repository = `contract/t${randomBytes(6).toString('hex')}`;
    });

    const requestOf = (method: string, path: string, more: Partial<TransportRequest> = {}): TransportRequest => ({
      method,
      url: new URL(path, underTest.url),
      headers: {},
      ...more,
    });
    const patch = async (body: RequestBody, signal?: AbortSignal) =>
      transport.send(requestOf('PATCH', await caller.startUpload(repository), { body, signal }));
    const unknownUpload = () => `/v2/${repository}/blobs/uploads/00000000-0000-0000-0000-000000000000`;
    const pushed = async (content: Buffer): Promise<string> =>
      `/v2/${repository}/blobs/${await caller.pushBlob(repository, content)}`;
    const isAlive = async () => (await caller.call('GET', '/v2/')).status === 200;

    describe('an answer', () => {
      it.each([
        ['GET', '/v2/', 200],
        ['DELETE', '/v2/', 405],
        ['GET', `/v2/app/blobs/${digestOf('never pushed')}`, 404],
        ['GET', '/v2/APP/tags/list', 400],
        ['GET', '/nothing/here', 404],
      ])('%s %s is one with status %i', async (method, path, status) => {
        expect((await caller.call(method, path)).status).toBe(status);
      });

      it('has headers in lower case, its own address, and its bytes', async () => {
        const content = randomBytes(1000);
        const path = await pushed(content);
        const response = await transport.send(requestOf('GET', path));
        expect(response.url.href).toBe(new URL(path, underTest.url).href);
        expect(response.headers['content-length']).toBe('1000');
        expect(Object.keys(response.headers)).toEqual(Object.keys(response.headers).map((key) => key.toLowerCase()));
        expect(Object.values(response.headers).every((value) => typeof value === 'string')).toBe(true);
        expect(await buffer(response.body)).toEqual(content);
      });

      it('to HEAD has no bytes', async () => {
        const answer = await caller.call('HEAD', await pushed(randomBytes(1000)));
        expect([answer.status, answer.headers['content-length'], answer.body.length]).toEqual([200, '1000', 0]);
      });

      it('may be large', async () => {
        const content = randomBytes(5 * MIB + 17);
        const answer = await caller.call('GET', await pushed(content));
        expect(answer.body.equals(content)).toBe(true);
      });

      it('may be dropped before its end', async () => {
        const { body } = await transport.send(requestOf('GET', await pushed(randomBytes(3 * MIB))));
        body.destroy();
        await new Promise((resolve) => body.once('close', resolve));
        expect(body.errored).toBeNull();
        expect(await isAlive()).toBe(true);
      });

      it('may be read late', async () => {
        const { body } = await transport.send(requestOf('GET', await pushed(Buffer.from('patience'))));
        await sleep(50);
        expect(await text(body)).toBe('patience');
      });

      it('comes to many requests at once', async () => {
        const content = randomBytes(50_000);
        const path = await pushed(content);
        const answers = await Promise.all(Array.from({ length: 40 }, () => caller.call('GET', path)));
        expect(answers.every(({ status, body }) => status === 200 && body.equals(content))).toBe(true);
      });
    });

    describe('a body', () => {
      it('of known size arrives whole', async () => {
        const content = randomBytes(3 * MIB + 1);
        const response = await patch({ size: content.length, open: () => Readable.from([content]) });
        expect([response.status, response.headers.range]).toEqual([202, `0-${content.length - 1}`]);
        response.body.resume();
      });

      it('of unknown size arrives whole', async () => {
        const chunks = [randomBytes(MIB), randomBytes(1), randomBytes(MIB)];
        const location = await caller.startUpload(repository);
        const open = () => Readable.from(chunks, { objectMode: false });
        const patched = await caller.call('PATCH', location, { body: { open } });
        expect([patched.status, patched.headers.range]).toEqual([202, `0-${2 * MIB}`]);
        const end = withDigest(patched.headers.location ?? '', digestOf(Buffer.concat(chunks)));
        expect((await caller.call('PUT', end)).status).toBe(201);
      });

      it('may be empty', async () => {
        const location = await caller.startUpload(repository);
        const body = { size: 0, open: () => Readable.from([]) };
        expect((await caller.call('PUT', withDigest(location, digestOf('')), { body })).status).toBe(201);
      });

      it('may come as text, as other bytes, and later', async () => {
        const open = async () => {
          await sleep(5);
          return Readable.from(['täxt', Uint8Array.of(65, 66)]);
        };
        const response = await patch({ size: 7, open });
        expect(response.headers.range).toBe('0-6');
        response.body.resume();
      });

      it('is opened once for each request, and never kept', async () => {
        const open = jest.fn(() => Readable.from([Buffer.from('again')]));
        const body = { size: 5, open };
        for (let sent = 1; sent <= 2; sent++) {
          (await patch(body)).body.resume();
          expect(open).toHaveBeenCalledTimes(sent);
        }
      });

      it('is closed after success', async () => {
        const source = Readable.from([Buffer.from('content')]);
        (await patch({ open: () => source })).body.resume();
        expect(source.destroyed).toBe(true);
      });

      it.each([
        ['ends before', 10],
        ['goes on beyond', 4],
      ])('that %s its size is an error, at once', async (_, size) => {
        const source = Readable.from([Buffer.from('123'), Buffer.from('456')]);
        const error = await patch({ size, open: () => source }).catch((caught: unknown) => caught);
        expect(RegistryClientError.is(error)).toBe(true);
        expect(error).toMatchObject({ retryable: false });
        expect((error as { status?: number }).status).toBeUndefined();
        expect(source.destroyed).toBe(true);
        expect(await isAlive()).toBe(true);
      });

      it('that cannot be opened is the error it gives', async () => {
        const reason = new Error('no such entry');
        await expect(patch({ open: () => Promise.reject(reason) })).rejects.toBe(reason);
        const open = (): Readable => {
          throw reason;
        };
        await expect(patch({ open })).rejects.toBe(reason);
      });

      it('that fails at its start is named by the error', async () => {
        const reason = new Error('no such file');
        const open = () => new Readable({ read: () => undefined }).destroy(reason);
        expect(causesOf(await patch({ open }).catch((error: unknown) => error))).toContain(reason);
      });

      it('that fails in its middle is named by the error', async () => {
        const reason = new Error('disk gone');
        const source = new PassThrough();
        source.write(randomBytes(10));
        const open = () => {
          setTimeout(() => source.destroy(reason), 20);
          return source;
        };
        expect(causesOf(await patch({ size: 1000, open }).catch((error: unknown) => error))).toContain(reason);
        expect(await isAlive()).toBe(true);
      });

      it('that nobody wants is closed, and the answer arrives', async () => {
        let produced = 0;
        const read = function (this: Readable): void {
          produced += 1;
          this.push(produced > 256 ? null : Buffer.alloc(MIB));
        };
        const source = new Readable({ read });
        const body = { size: 256 * MIB, open: () => source };
        const response = await transport.send(requestOf('PATCH', unknownUpload(), { body }));
        expect(response.status).toBe(404);
        expect(await text(response.body)).toContain('BLOB_UPLOAD_UNKNOWN');
        expect(source.destroyed).toBe(true);
        expect(produced).toBeLessThan(256);
        expect(await isAlive()).toBe(true);
      });
    });

    describe('an abort', () => {
      const reason = new Error('changed my mind');
      const abortingSoon = (abort: AbortController, source: Readable, why: unknown = reason): Readable => {
        setTimeout(() => abort.abort(why), 20);
        return source;
      };

      it('before sending opens nothing', async () => {
        const open = jest.fn(() => Readable.from([]));
        const request = requestOf('PATCH', unknownUpload(), { body: { open }, signal: AbortSignal.abort(reason) });
        await expect(transport.send(request)).rejects.toBe(reason);
        expect(open).not.toHaveBeenCalled();
      });

      it('while the body is opened closes it', async () => {
        const [abort, source] = [new AbortController(), new PassThrough()];
        const open = async () => {
          setImmediate(() => abort.abort(reason));
          await sleep(20);
          return source;
        };
        await expect(patch({ open }, abort.signal)).rejects.toBe(reason);
        await sleep(30);
        expect(source.destroyed).toBe(true);
      });

      it('while sending closes the source', async () => {
        const [abort, source] = [new AbortController(), new PassThrough()];
        source.write('half of it');
        const open = () => abortingSoon(abort, source);
        await expect(patch({ size: 1000, open }, abort.signal)).rejects.toBe(reason);
        expect(source.destroyed).toBe(true);
        expect(await isAlive()).toBe(true);
      });

      it('does not wait for a source that is stuck', async () => {
        const abort = new AbortController();
        const stuck = async function* () {
          yield Buffer.from('half of it');
          await new Promise(() => undefined);
        };
        const open = () => abortingSoon(abort, Readable.from(stuck()));
        await expect(patch({ open }, abort.signal)).rejects.toBe(reason);
      });

      it('need not be an Error', async () => {
        const abort = new AbortController();
        const open = () => abortingSoon(abort, new PassThrough(), 'enough');
        await expect(patch({ open }, abort.signal)).rejects.toBe('enough');
      });

      it('while the answer is read fails that', async () => {
        const abort = new AbortController();
        const path = await pushed(randomBytes(3 * MIB));
        const { body } = await transport.send(requestOf('GET', path, { signal: abort.signal }));
        abort.abort(reason);
        await expect(buffer(body)).rejects.toBe(reason);
        expect(await isAlive()).toBe(true);
      });

      it('of an answer that nobody reads harms nobody', async () => {
        const abort = new AbortController();
        const path = await pushed(randomBytes(3 * MIB));
        const { body } = await transport.send(requestOf('GET', path, { signal: abort.signal }));
        abort.abort(reason);
        await sleep(10);
        expect(body.destroyed).toBe(true);
      });

      it('after everything is over does nothing', async () => {
        const abort = new AbortController();
        const { body } = await transport.send(requestOf('GET', '/v2/', { signal: abort.signal }));
        await buffer(body);
        abort.abort(reason);
        await sleep(5);
        expect(body.errored).toBeNull();
      });

      it('is no longer listened for after everything is over', async () => {
        const { signal } = new AbortController();
        const body = { open: () => Readable.from([Buffer.from('content')]) };
        await buffer((await transport.send(requestOf('GET', '/v2/', { signal }))).body);
        await buffer((await patch(body, signal)).body);
        await buffer((await transport.send(requestOf('PATCH', unknownUpload(), { body, signal }))).body);
        await sleep(5);
        expect(getEventListeners(signal, 'abort')).toHaveLength(0);
      });
    });
  });
}

/** An error and what it says caused it. */
function causesOf(error: unknown): unknown[] {
  return error === undefined ? [] : [error, ...causesOf((error as Error).cause)];
}
