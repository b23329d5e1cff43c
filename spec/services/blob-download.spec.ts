import { describe, expect, it, jest } from '@jest/globals';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { DigestMismatchError, NotFoundError, RegistryError } from '../../lib/errors.js';
import { streamOf } from '../../lib/oci/byte-stream.js';
import { digestOf } from '../../lib/oci/digest.js';
import { BlobDownload } from '../../lib/services/blob-download.js';
import { Requests } from '../../lib/services/requests.js';
import type { Transport, TransportRequest, TransportResponse } from '../../lib/transport/transport.js';

const CONTENT = Buffer.from('0123456789abcdef');
const BLOB = { digest: digestOf(CONTENT), size: CONTENT.length };

type Answer = Partial<Omit<TransportResponse, 'body' | 'url'>> & { bytes?: Buffer; breaks?: boolean; fails?: Error };

/** A registry that gives one answer after the other, the last one for ever. */
function registry(...answers: Answer[]): { requests: TransportRequest[]; download: () => Promise<Buffer> } {
  const requests: TransportRequest[] = [];
  const transport: Transport = {
    send(request) {
      requests.push(request);
      const {
        status = 200,
        headers = {},
        bytes = CONTENT,
        breaks,
        fails,
      } = answers[Math.min(requests.length, answers.length) - 1]!;
      if (fails) return Promise.reject(fails);
      const body = new PassThrough();
      body.write(bytes);
      if (breaks)
        setImmediate(() => body.destroy(new RegistryError('the line broke', { code: 'ECONNRESET', retryable: true })));
      else body.end();
      return Promise.resolve({ status, headers, body, url: request.url });
    },
  };
  const requester = new Requests(transport, { url: new URL('http://registry.test/'), timeout: 1000 });
  const download = async (): Promise<Buffer> => buffer(await new BlobDownload(requester, 'app', BLOB).start());
  return { requests, download };
}

function ranges(requests: readonly TransportRequest[]): (string | undefined)[] {
  return requests.map(({ headers }) => headers.range);
}

describe('BlobDownload', () => {
  it('asks once where nothing breaks', async () => {
    const { requests, download } = registry({ headers: { 'content-length': '16' } });
    expect(await download()).toEqual(CONTENT);
    expect(requests.map(({ method, url }) => `${method} ${url.pathname}`)).toEqual([
      `GET /v2/app/blobs/${BLOB.digest}`,
    ]);
    expect(ranges(requests)).toEqual([undefined]);
  });

  it('asks for the rest where the connection broke', async () => {
    const { requests, download } = registry(
      { bytes: CONTENT.subarray(0, 5), breaks: true },
      { status: 206, headers: { 'content-range': 'bytes 5-15/16' }, bytes: CONTENT.subarray(5, 9), breaks: true },
      { status: 206, headers: { 'content-range': 'bytes 9-15/*' }, bytes: CONTENT.subarray(9) },
    );
    expect(await download()).toEqual(CONTENT);
    expect(ranges(requests)).toEqual([undefined, 'bytes=5-', 'bytes=9-']);
  });

  it('asks for the rest where the answer simply ended too early', async () => {
    const { download } = registry(
      { bytes: CONTENT.subarray(0, 5) },
      { status: 206, headers: { 'content-range': 'bytes 5-15/16' }, bytes: CONTENT.subarray(5) },
    );
    expect(await download()).toEqual(CONTENT);
  });

  it('takes 200 to a range for the whole blob, and drops what it has', async () => {
    const { download } = registry({ bytes: CONTENT.subarray(0, 5), breaks: true }, { status: 200 });
    expect(await download()).toEqual(CONTENT);
  });

  it('goes on after a range that is shorter than it asked for', async () => {
    const { requests, download } = registry(
      { bytes: CONTENT.subarray(0, 5), breaks: true },
      { status: 206, headers: { 'content-range': 'bytes 5-8/16' }, bytes: CONTENT.subarray(5, 9) },
      { status: 206, headers: { 'content-range': 'bytes 9-15/16' }, bytes: CONTENT.subarray(9) },
    );
    expect(await download()).toEqual(CONTENT);
    expect(ranges(requests)).toEqual([undefined, 'bytes=5-', 'bytes=9-']);
  });

  describe.each([
    [206, 'bytes 4-15/16'],
    [206, 'bytes 5-15/17'],
    [206, 'bytes 5-16/*'],
    [206, 'bytes */16'],
    [206, 'bytes 5-15'],
    [206, ''],
    [416, 'bytes */16'],
  ])('that goes on and gets %i with the range "%s"', (status, range) => {
    const wrong = { status, headers: { 'content-range': range }, bytes: Buffer.from('nothing of use') };
    const broken = { bytes: CONTENT.subarray(0, 5), breaks: true };

    it('asks for everything instead, and for no range any more', async () => {
      const { requests, download } = registry(broken, wrong, { bytes: CONTENT.subarray(0, 9), breaks: true }, {});
      expect(await download()).toEqual(CONTENT);
      expect(ranges(requests)).toEqual([undefined, 'bytes=5-', undefined, undefined]);
    });

    it('fails when there is no other answer', async () => {
      await expect(registry(broken, wrong).download()).rejects.toMatchObject({
        code: status === 206 ? 'RANGE_INVALID' : 'HTTP_416',
      });
    });
  });

  it('has an end where a registry gives a little at a time', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(0);
    const big = { digest: digestOf('?'), size: 1_000_000_000 };
    const little = Buffer.alloc(70_000);
    let asked = 0;
    const transport: Transport = {
      send({ url }) {
        const range = `bytes ${asked * little.length}-${(asked + 1) * little.length - 1}/*`;
        asked += 1;
        const [status, headers] = asked === 1 ? [200, {}] : [206, { 'content-range': range }];
        return Promise.resolve({ status, headers, body: streamOf(little), url });
      },
    };
    const requests = new Requests(transport, { url: new URL('http://registry.test/'), timeout: 1000 });
    await expect(finished((await new BlobDownload(requests, 'app', big).start()).resume())).rejects.toThrow(
      'only 70000000 bytes',
    );
    expect(asked).toBe(1000);
    jest.restoreAllMocks();
  });

  it('gives up when nothing comes any more', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(0);
    const { requests, download } = registry({ bytes: Buffer.alloc(0), breaks: true });
    await expect(download()).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(requests.length).toBeLessThan(10);
    jest.restoreAllMocks();
  });

  it('gives up when every connection brings a byte only', async () => {
    const random = jest.spyOn(Math, 'random').mockReturnValue(0);
    const drop = Buffer.alloc(1_000_000);
    const requests: (string | undefined)[] = [];
    const transport: Transport = {
      send({ url, headers: { range } }) {
        requests.push(range);
        const from = Number(/\d+/.exec(range ?? '0')![0]);
        const headers = range === undefined ? {} : { 'content-range': `bytes ${from}-999999/1000000` };
        const body = Readable.from([drop.subarray(0, 1)]);
        return Promise.resolve({ status: range === undefined ? 200 : 206, headers, body, url });
      },
    };
    const requester = new Requests(transport, { url: new URL('http://registry.test/'), timeout: 1000 });
    const blob = { digest: digestOf(drop), size: drop.length };
    const stream = await new BlobDownload(requester, 'app', blob).start();
    await expect(buffer(stream)).rejects.toThrow(/expected 1000000 bytes, but got only 6 bytes/);
    expect(requests).toHaveLength(6);
    random.mockRestore();
  });

  it('asks again when nobody was there to ask for the rest', async () => {
    const away = new RegistryError('refused', { code: 'ECONNREFUSED', retryable: true });
    const { requests, download } = registry(
      { bytes: CONTENT.subarray(0, 5), breaks: true },
      { fails: away },
      { fails: away },
      { status: 206, headers: { 'content-range': 'bytes 5-15/16' }, bytes: CONTENT.subarray(5) },
    );
    expect(await download()).toEqual(CONTENT);
    expect(ranges(requests)).toEqual([undefined, 'bytes=5-', 'bytes=5-', 'bytes=5-']);
  });

  it.each<[string, Answer, RegExp]>([
    [
      'a length that is not the size of the blob',
      { headers: { 'content-length': '17' } },
      /expected 16 bytes, but got 17 bytes/,
    ],
    ['more bytes than the blob has', { bytes: Buffer.concat([CONTENT, CONTENT]) }, /more than 16 bytes/],
    ['other bytes', { bytes: Buffer.from('0123456789abcdeX') }, /expected sha256:/],
  ])('refuses %s', async (_, answer, message) => {
    const { download } = registry(answer);
    await expect(download()).rejects.toBeInstanceOf(DigestMismatchError);
    await expect(registry(answer).download()).rejects.toThrow(message);
  });

  it('says that the blob is not there before it gives a stream', async () => {
    const { download } = registry({ status: 404, bytes: Buffer.from('{"errors":[{"code":"BLOB_UNKNOWN"}]}') });
    await expect(download()).rejects.toBeInstanceOf(NotFoundError);
  });

  describe('after its connection broke', () => {
    /** Breaks once, and is silent from then on. */
    const breaking = () => {
      const bodies: PassThrough[] = [];
      const transport: Transport = {
        send({ url }) {
          const body = new PassThrough();
          bodies.push(body);
          if (bodies.length > 1) {
            return Promise.resolve({ status: 206, headers: { 'content-range': 'bytes 5-15/16' }, body, url });
          }
          body.write(CONTENT.subarray(0, 5));
          const error = new RegistryError('the line broke', { code: 'ECONNRESET', retryable: true });
          setTimeout(() => body.destroy(error), 5);
          return Promise.resolve({ status: 200, headers: {}, body, url });
        },
      };
      return { bodies, requests: new Requests(transport, { url: new URL('http://registry.test/'), timeout: 1000 }) };
    };

    it('ends the answer it reads from when it is dropped', async () => {
      const { bodies, requests } = breaking();
      const stream = await new BlobDownload(requests, 'app', BLOB).start();
      stream.resume();
      while (bodies.length < 2) await sleep(5);
      await sleep(5);
      stream.destroy();
      await new Promise((resolve) => stream.once('close', resolve));
      expect(bodies.map(({ destroyed }) => destroyed)).toEqual([true, true]);
    });

    it('can be aborted while it waits to ask again', async () => {
      const random = jest.spyOn(Math, 'random').mockReturnValue(1);
      const abort = new AbortController();
      const { bodies, requests } = breaking();
      const reading = buffer(await new BlobDownload(requests, 'app', BLOB, abort.signal).start());
      setTimeout(() => abort.abort('enough'), 50);
      await expect(reading).rejects.toBe('enough');
      expect(bodies).toHaveLength(1);
      random.mockRestore();
    });
  });
});
