import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type FileHandle, open, readdir, readFile, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { RegistryClient, RegistryClientError } from '../../lib/index.js';
import { digestOf } from '../../lib/oci/digest.js';
import { encodeManifest } from '../../lib/oci/manifest.js';
import { MediaType } from '../../lib/oci/media-types.js';
import { noise, toBuffer } from '../support/content.js';
import { type Heard, HostileRig, type Reply, type Witness } from '../support/hostile-rig.js';
import { readWithNodeTar } from '../support/node-tar-reader.js';
import { TemporaryFolders } from '../support/temporary-folder.js';
import { reset, stopServers } from '../support/test-server.js';

const LAYER = toBuffer(noise(200_000));
const CONFIG = Buffer.from('{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}');
const descriptor = (mediaType: string, bytes: Buffer) => ({ mediaType, digest: digestOf(bytes), size: bytes.length });
const layer = descriptor(MediaType.ociLayer, LAYER);
const MANIFEST = encodeManifest({
  schemaVersion: 2,
  mediaType: MediaType.ociManifest,
  config: descriptor(MediaType.ociConfig, CONFIG),
  layers: [layer],
});
const PATH = `blobs/${layer.digest.replace(':', '/')}`;

/** Where the request wants to go on. */
function offsetOf({ headers }: Heard): number {
  return Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
}

/** An honest answer, cut off behind `bytes` of its body where that is given. */
function answer(heard: Heard, response: ServerResponse, cut?: number): void {
  const from = offsetOf(heard);
  const body = LAYER.subarray(from);
  const range = { 'content-range': `bytes ${from}-${LAYER.length - 1}/${LAYER.length}` };
  response.writeHead(from > 0 ? 206 : 200, { 'content-length': body.length, ...(from > 0 ? range : {}) });
  if (cut === undefined) return void response.end(body);
  response.write(body.subarray(0, cut), () => response.socket && reset(response.socket));
  response.flushHeaders();
}

describe('a pull', () => {
  const folders = new TemporaryFolders();
  let rig: HostileRig;
  let registry: Witness;
  let client: RegistryClient;
  let folder: string;
  let path: string;
  /** How the layer is answered, one after the other, the last one for ever. */
  let replies: Reply[];

  beforeEach(async () => {
    jest.spyOn(Math, 'random').mockReturnValue(0);
    rig = new HostileRig();
    registry = await rig.http('registry', (heard, response) => {
      if (heard.path.includes('/manifests/')) {
        return response.writeHead(200, { 'content-type': MediaType.ociManifest }).end(MANIFEST.bytes);
      }
      if (!heard.path.endsWith(layer.digest)) return response.end(CONFIG);
      return (replies.length > 1 ? replies.shift() : replies[0])?.(heard, response);
    });
    client = new RegistryClient({ url: registry.url(), cache: false, retry: { baseDelay: 1, retries: 1 } });
    folder = await folders.make();
    path = join(folder, 'app.tar');
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    await client.close();
    await stopServers();
    await folders.remove();
  });

  const asked = (): string[] =>
    registry.heard.filter((heard) => heard.path.endsWith(layer.digest)).map(({ headers }) => headers.range ?? 'all');

  /** Either everything, or an error of ours and nothing at all. */
  async function outcome(): Promise<'complete' | RegistryClientError> {
    try {
      await client.pull('app:1', path);
    } catch (error) {
      expect(await readdir(folder)).toEqual([]);
      expect(error).toBeInstanceOf(RegistryClientError);
      return error as RegistryClientError;
    }
    expect(await readdir(folder)).toEqual(['app.tar']);
    const entry = (await readWithNodeTar(await readFile(path))).find(({ path: name }) => name === PATH);
    expect(entry?.content.equals(LAYER)).toBe(true);
    return 'complete';
  }

  describe('whose connection breaks', () => {
    it.each([0, 1, 511, 512, 65_535, 65_536, 100_001, LAYER.length - 1, LAYER.length])(
      'behind %i bytes, goes on there',
      async (cut) => {
        replies = [(heard, response) => answer(heard, response, cut), answer];
        expect(await outcome()).toBe('complete');
      },
    );

    it('over and over, goes on each time', async () => {
      replies = [...Array.from({ length: 30 }, (): Reply => (heard, to) => answer(heard, to, 6001)), answer];
      expect(await outcome()).toBe('complete');
      expect(asked().length).toBeGreaterThan(20);
    });

    it('goes on when the registry is back after a while', async () => {
      const away: Reply = (_, response) => response.socket && reset(response.socket);
      const broken: Reply = (heard, response) => answer(heard, response, 70_000);
      replies = [broken, ...Array.from({ length: 4 }, () => away), (_, to) => to.writeHead(503).end(), answer];
      expect(await outcome()).toBe('complete');
    });

    it('goes on also where the bytes are said to be packed, but are not', async () => {
      replies = [
        (_, response) => {
          response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': LAYER.length });
          response.write(LAYER.subarray(0, 70_000), () => response.socket && reset(response.socket));
        },
        answer,
      ];
      expect(await outcome()).toBe('complete');
    });

    it('leaves nothing and asks no more when it is cancelled then', async () => {
      const abort = new AbortController();
      replies = [(heard, response) => answer(heard, response, 70_000), () => abort.abort(new Error('enough'))];
      await expect(client.pull('app:1', path, { signal: abort.signal })).rejects.toThrow('enough');
      expect(await readdir(folder)).toEqual([]);
      expect(asked()).toHaveLength(2);
    });

    it('without a byte each time, gives up', async () => {
      replies = [(heard, response) => answer(heard, response, 0)];
      expect(await outcome()).toMatchObject({ code: 'ECONNRESET' });
      expect(asked().length).toBeLessThan(30);
    });

    it('behind everything, though no length was told, is complete', async () => {
      replies = [
        (_, response) => {
          response.writeHead(200);
          response.write(LAYER, () => setTimeout(() => response.socket && reset(response.socket), 50));
        },
      ];
      expect(await outcome()).toBe('complete');
      expect(asked()).toEqual(['all']);
    });
  });

  describe('that goes on', () => {
    const broken: Reply = (heard, response) => answer(heard, response, 50_000);
    const sending =
      (status: number, headers: (from: number) => Record<string, string>, body: (from: number) => Buffer): Reply =>
      (heard, response) =>
        response.writeHead(status, headers(offsetOf(heard))).end(body(offsetOf(heard)));
    const range = (text: (from: number) => string) => (from: number) => ({ 'content-range': text(from) });
    const rest = (from: number) => LAYER.subarray(from);
    const size = LAYER.length;

    it.each<[string, Reply]>([
      [
        '200 with everything',
        sending(
          200,
          () => ({}),
          () => LAYER,
        ),
      ],
      [
        'fewer bytes than it asked for',
        sending(
          206,
          range((from) => `bytes ${from}-${from + 9}/*`),
          (from) => LAYER.subarray(from, from + 10),
        ),
      ],
      [
        'a size it does not tell',
        sending(
          206,
          range((from) => `bytes ${from}-${size - 1}/*`),
          rest,
        ),
      ],
    ])('takes %s', async (_, reply) => {
      replies = [broken, reply, answer];
      expect(await outcome()).toBe('complete');
    });

    it.each<[string, Reply]>([
      [
        'an earlier range',
        sending(
          206,
          range((from) => `bytes ${from - 1}-${size - 1}/${size}`),
          (from) => LAYER.subarray(from - 1),
        ),
      ],
      [
        'a later range',
        sending(
          206,
          range((from) => `bytes ${from + 1}-${size - 1}/${size}`),
          (from) => LAYER.subarray(from + 1),
        ),
      ],
      [
        'a range of something else',
        sending(
          206,
          range((from) => `bytes ${from}-${size}/${size + 1}`),
          rest,
        ),
      ],
      [
        'a range beyond the end',
        sending(
          206,
          range((from) => `bytes ${from}-${size}/*`),
          rest,
        ),
      ],
      ['a range that is none', sending(206, () => ({ 'content-range': 'items 1-2/3' }), rest)],
      [
        'several ranges',
        sending(
          206,
          () => ({ 'content-type': 'multipart/byteranges; boundary=x' }),
          () => Buffer.from('--x'),
        ),
      ],
      ['206 and nothing else', sending(206, () => ({}), rest)],
      [
        '416',
        sending(
          416,
          () => ({ 'content-range': `bytes */${size}` }),
          () => Buffer.alloc(0),
        ),
      ],
    ])('asks for everything again after %s', async (_, reply) => {
      replies = [broken, reply, answer];
      expect(await outcome()).toBe('complete');
      expect(asked().map((asking) => asking.slice(0, 6))).toEqual(['all', 'bytes=', 'all']);
    });

    it('starts over, once, after other bytes in the right range', async () => {
      const wrong = sending(
        206,
        range((from) => `bytes ${from}-${size - 1}/${size}`),
        (from) => Buffer.alloc(size - from),
      );
      replies = [broken, wrong, answer];
      expect(await outcome()).toBe('complete');
      replies = [broken, wrong, broken, wrong, answer];
      await writeFile(path, 'what was there');
      await expect(client.pull('app:1', path)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
      expect(await readFile(path, 'utf8')).toBe('what was there');
      expect(await readdir(folder)).toEqual(['app.tar']);
    });

    it.each([403, 404, 410, 429, 500])('ends with %i', async (status) => {
      replies = [broken, (_, response) => response.writeHead(status).end()];
      expect(await outcome()).toMatchObject({ status });
    });
  });

  describe('that gets', () => {
    it.each<[string, Reply, string]>([
      ['more', (_, response) => response.end(Buffer.concat([LAYER, LAYER])), 'DIGEST_MISMATCH'],
      [
        'a byte more',
        (_, response) => response.writeHead(200).end(Buffer.concat([LAYER, Buffer.alloc(1)])),
        'DIGEST_MISMATCH',
      ],
      ['less', (_, response) => response.end(LAYER.subarray(1)), 'DIGEST_MISMATCH'],
      [
        'less, without a length',
        (_, response) => void (response.write(LAYER.subarray(0, 1000)), response.end()),
        'DIGEST_MISMATCH',
      ],
      ['nothing', (_, response) => response.end(), 'DIGEST_MISMATCH'],
      ['a flipped bit', (_, response) => response.end(flipped(LAYER)), 'DIGEST_MISMATCH'],
      [
        'a web page',
        (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
        'DIGEST_MISMATCH',
      ],
      [
        '206 to no range',
        (_, response) => response.writeHead(206, { 'content-range': 'bytes 0-9/10' }).end(LAYER),
        'RANGE_INVALID',
      ],
      ['204', (_, response) => response.writeHead(204).end(), 'HTTP_204'],
      ['304', (_, response) => response.writeHead(304).end(), 'HTTP_304'],
      ['a redirect without an address', (_, response) => response.writeHead(307).end(), 'HTTP_307'],
    ])('%s, leaves no file', async (_, reply, code) => {
      replies = [reply];
      expect(await outcome()).toMatchObject({ code });
    });

    it('bytes packed on the way, says so', async () => {
      replies = [(_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(LAYER))];
      expect(await outcome()).toMatchObject({ code: 'DIGEST_MISMATCH', hint: expect.stringContaining('came as gzip') });
      replies = [(_, response) => response.writeHead(200, { 'content-encoding': 'br' }).end(LAYER.subarray(0, 100))];
      expect(await outcome()).toMatchObject({ code: 'DIGEST_MISMATCH', hint: expect.stringContaining('came as br') });
    });

    it('its own bytes under the name of a packing, takes them', async () => {
      replies = [(_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(LAYER)];
      expect(await outcome()).toBe('complete');
    });
  });

  describe('from a storage', () => {
    let storage: Witness;
    let isExpired: (heard: Heard) => boolean;
    let count: number;

    beforeEach(async () => {
      count = 0;
      storage = await rig.http('storage', (heard, response) =>
        isExpired(heard)
          ? response.writeHead(403).end()
          : answer(heard, response, heard.path === '/1' ? 70_000 : undefined),
      );
      replies = [(_, response) => response.writeHead(307, { location: storage.url(`/${++count}`) }).end()];
    });

    it('asks the registry for another address to go on', async () => {
      isExpired = ({ path, headers }) => path === '/1' && headers.range !== undefined;
      expect(await outcome()).toBe('complete');
      expect(storage.heard.map((heard) => heard.path)).toEqual(['/1', '/2']);
    });

    it.each([1, 2])('asks again for an address that has expired %i times', async (times) => {
      isExpired = ({ path }) => Number(path.slice(1)) <= times;
      expect(await outcome()).toBe('complete');
    });

    it('gives up when all of them have', async () => {
      isExpired = () => true;
      expect(await outcome()).toMatchObject({ status: 403 });
      expect(storage.heard).toHaveLength(3);
    });
  });

  describe('onto a disk', () => {
    type Call = 'write' | 'writev' | 'truncate' | 'sync' | 'close';

    async function failing(call: Call, code: string): Promise<void> {
      const file = await open(folder);
      const prototype = Object.getPrototypeOf(file) as Pick<FileHandle, Call>;
      await file.close();
      const error = Object.assign(new Error(`${code}: no luck, ${call}`), { code });
      const spy = jest.spyOn(prototype, call) as unknown as jest.Mock<() => Promise<never>>;
      spy.mockImplementationOnce(() => Promise.reject(error));
    }

    it.each<[Call, string]>([
      ['write', 'ENOSPC'],
      ['writev', 'ENOSPC'],
      ['truncate', 'EFBIG'],
      ['sync', 'EIO'],
    ])('that fails to %s leaves nothing, and names the file', async (call, code) => {
      replies = [answer];
      await failing(call, code);
      const error = await outcome();
      expect(error).toMatchObject({ code, retryable: false });
      expect((error as Error).message).toContain(`${path} cannot be written: ${code}`);
    });

    it('that has room for no more than a part of it asks for nothing further', async () => {
      replies = [answer];
      await failing('writev', 'ENOSPC');
      await outcome();
      const before = registry.heard.length;
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(registry.heard).toHaveLength(before);
    });
  });
});

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[100_000]! ^= 1;
  return copy;
}
