import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { EmbeddedTransport } from '../../lib/embedded/embedded-transport.js';
import type { Fault } from '../../lib/embedded/fault.js';
import { Faults } from '../../lib/embedded/faults.js';
import type { RegistryHandler, RegistryRequest, RegistryResponse } from '../../lib/embedded/message.js';
import { Personality, type PersonalityName } from '../../lib/embedded/personality.js';
import { EmbeddedRegistry } from '../../lib/embedded/registry.js';
import { errorResponse, Refusal } from '../../lib/embedded/registry-error.js';
import { buffers, POOLED } from '../../lib/oci/buffer-pool.js';
import { digestOf } from '../../lib/oci/digest.js';
import { BlobService, type PushedBlob } from '../../lib/services/blob-service.js';
import { noise, toBuffer } from '../support/content.js';
import { OPTIONS } from './scripted.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const CONTENT = toBuffer(noise(2 * MIB + 500 * KIB, 'a layer'));
const mediaType = 'application/octet-stream';
const descriptor = { mediaType, digest: digestOf(CONTENT), size: CONTENT.length };

const open = (): Readable =>
  Readable.from([CONTENT.subarray(0, 700_000), CONTENT.subarray(700_000)], { objectMode: false });

/** Answers in place of a registry, or not. */
type Gate = (request: RegistryRequest) => RegistryResponse | undefined;

/** What stands in front of a registry, and what went to it. */
class Front implements RegistryHandler {
  readonly seen: string[] = [];

  constructor(
    private readonly inner: RegistryHandler,
    private readonly gate: Gate = () => undefined,
    private readonly change: (request: RegistryRequest, answer: RegistryResponse) => RegistryResponse = (_, a) => a,
  ) {}

  async handle(request: RegistryRequest): Promise<RegistryResponse> {
    const { method, headers } = request;
    const size = headers['content-length'] ?? '';
    if (method !== 'HEAD') this.seen.push([method, headers['content-range'], size].filter(Boolean).join(' '));
    return this.change(request, this.gate(request) ?? (await this.inner.handle(request)));
  }
}

/** Says that all is well, and forgets what comes behind the first chunk. */
class LaterChunksDropped implements RegistryHandler {
  constructor(private readonly inner: RegistryHandler) {}

  async handle(request: RegistryRequest): Promise<RegistryResponse> {
    const range = request.headers['content-range'];
    if (request.method !== 'PATCH' || range === undefined || range.startsWith('0-')) return this.inner.handle(request);
    const answer = await this.inner.handle({ ...request, method: 'GET', body: Readable.from([]) });
    return { ...answer, status: 202, headers: { ...answer.headers, 'content-length': '0' } };
  }
}

interface SetUp {
  registry?: RegistryHandler;
  chunkSize?: number;
  faults?: Fault[];
  personality?: PersonalityName;
  gate?: Gate;
  change?: (request: RegistryRequest, answer: RegistryResponse) => RegistryResponse;
}

function setUp({ registry = new EmbeddedRegistry(), chunkSize, faults = [], personality, gate, change }: SetUp) {
  const front = new Front(personality ? new Personality(registry, personality) : registry, gate, change);
  const transport = new EmbeddedTransport(new Faults(front, faults));
  const blobs = new BlobService(transport, { ...OPTIONS, ...(chunkSize === undefined ? {} : { chunkSize }) });
  return { blobs, seen: front.seen };
}

/** A proxy that lets no body of more than `limit` bytes through, or none without a length. */
function proxyTaking(limit: number): Gate {
  return ({ method, headers }) => {
    const length = headers['content-length'];
    const isBody = method === 'PATCH' || (method === 'PUT' && Number(length ?? 0) > 0);
    const isTooLarge = isBody && (length === undefined || Number(length) > limit);
    return isTooLarge ? errorResponse(new Refusal('SIZE_INVALID', 'too large', { status: 413 })) : undefined;
  };
}

type Push = (blobs: BlobService, onSent?: (bytes: number) => void) => Promise<PushedBlob>;
const ways: readonly [string, Push][] = [
  ['with its digest known', (blobs, onSent) => blobs.push('app', { descriptor, open }, { onSent })],
  ['as a stream', (blobs, onSent) => blobs.pushStream('app', { mediaType, open }, { onSent })],
];

async function expectStored(blobs: BlobService, pushing: Promise<PushedBlob>): Promise<PushedBlob> {
  const pushed = await pushing;
  expect(pushed).toMatchObject({ descriptor, outcome: 'uploaded' });
  expect((await buffer(await blobs.fetch('app', descriptor))).equals(CONTENT)).toBe(true);
  return pushed;
}

const count = (seen: readonly string[], method: string): number =>
  seen.filter((line) => line.startsWith(method)).length;

beforeEach(() => {
  jest.spyOn(Math, 'random').mockReturnValue(0);
});

afterEach(() => {
  jest.restoreAllMocks();
});

describe.each(ways)('an upload in chunks, %s', (_, push) => {
  it('goes out in pieces that say where they belong', async () => {
    const { blobs, seen } = setUp({ chunkSize: MIB });
    let sent = 0;
    const pushed = await expectStored(
      blobs,
      push(blobs, (bytes) => (sent += bytes)),
    );
    const end = CONTENT.length - 1;
    expect(seen.slice(0, 5)).toEqual([
      'POST',
      `PATCH 0-${MIB - 1} ${MIB}`,
      `PATCH ${MIB}-${2 * MIB - 1} ${MIB}`,
      `PATCH ${2 * MIB}-${end} ${500 * KIB}`,
      'PUT',
    ]);
    expect([pushed.bytesSent, sent]).toEqual([CONTENT.length, CONTENT.length]);
  });

  it.each(['distribution-3', 'distribution-2.8', 'ghcr', 'google'] as const)('works with %s', async (personality) => {
    const isWhole = personality === 'google';
    const { blobs } = setUp({ personality, ...(isWhole ? {} : { chunkSize: MIB }) });
    await expectStored(blobs, push(blobs));
  });

  it('counts by itself where the registry goes on saying that it has the first chunk', async () => {
    const { blobs, seen } = setUp({ personality: 'ecr', chunkSize: MIB });
    const pushed = await expectStored(blobs, push(blobs));
    expect([count(seen, 'POST'), count(seen, 'PATCH')]).toEqual([1, 3]);
    expect(pushed.bytesSent).toBe(CONTENT.length);
  });

  it.each<[string, Fault]>([
    ['breaks off', { on: 'PATCH', nth: 2, resetAfterBytes: 300_000 }],
    ['loses its answer', { on: 'PATCH', nth: 2, dropResponse: true }],
    ['breaks off later', { on: 'PATCH', nth: 3, resetAfterBytes: 300_000 }],
    ['loses its answer later', { on: 'PATCH', nth: 3, dropResponse: true }],
  ])('begins anew there when a chunk %s, for nobody knows how far it is', async (_what, fault) => {
    const { blobs, seen } = setUp({ personality: 'ecr', chunkSize: MIB, faults: [fault] });
    const pushed = await expectStored(blobs, push(blobs));
    expect(count(seen, 'POST')).toBe(2);
    expect(pushed.bytesSent).toBeLessThanOrEqual(2 * CONTENT.length);
  });

  it('goes whole where the registry drops all chunks but the first', async () => {
    const registry = new EmbeddedRegistry();
    const { blobs, seen } = setUp({ registry: new LaterChunksDropped(registry), chunkSize: MIB });
    await expectStored(blobs, push(blobs));
    expect(count(seen, 'POST')).toBe(2);
    seen.length = 0;
    const other = Buffer.alloc(2 * MIB, 'another');
    await blobs.pushStream('app', { mediaType, open: () => Readable.from([other]) });
    expect(count(seen, 'PATCH')).toBe(1);
  });

  it('has chunks as large as the registry asks for', async () => {
    const change = ({ method }: RegistryRequest, answer: RegistryResponse): RegistryResponse =>
      method === 'POST'
        ? { ...answer, headers: { ...answer.headers, 'oci-chunk-min-length': String(2 * MIB) } }
        : answer;
    const { blobs, seen } = setUp({ chunkSize: 100_000, change });
    await expectStored(blobs, push(blobs));
    expect(count(seen, 'PATCH')).toBe(2);
  });

  it.each(['-1', '1e9', 'many', '99999999999999999999', '', '0x10'])(
    'does not mind a smallest chunk of "%s"',
    async (length) => {
      const change = ({ method }: RegistryRequest, answer: RegistryResponse): RegistryResponse =>
        method === 'POST' ? { ...answer, headers: { ...answer.headers, 'oci-chunk-min-length': length } } : answer;
      const { blobs, seen } = setUp({ chunkSize: MIB, change });
      await expectStored(blobs, push(blobs));
      expect(count(seen, 'PATCH')).toBe(3);
    },
  );

  it.each<[string, Fault]>([
    ['breaks off', { on: 'PATCH', nth: 2, resetAfterBytes: 300_000 }],
    ['loses its answer', { on: 'PATCH', nth: 2, dropResponse: true }],
    ['meets a server in trouble', { on: 'PATCH', nth: 3, status: 503 }],
  ])('loses one chunk at most when one of them %s', async (_what, fault) => {
    for (const personality of [undefined, 'distribution-3'] as const) {
      const { blobs, seen } = setUp({ chunkSize: MIB, faults: [fault], ...(personality ? { personality } : {}) });
      const pushed = await expectStored(blobs, push(blobs));
      expect(count(seen, 'POST')).toBe(1);
      expect(pushed.bytesSent).toBeLessThanOrEqual(CONTENT.length + MIB);
    }
  });

  it('begins anew where the registry forgets a session that broke', async () => {
    const faults = [{ on: 'PATCH', nth: 2, resetAfterBytes: 300_000 }];
    const { blobs, seen } = setUp({ chunkSize: MIB, faults, personality: 'distribution-2.8' });
    await expectStored(blobs, push(blobs));
    expect(count(seen, 'POST')).toBe(2);
  });

  it('takes what lies in a buffer of the pool out of it, for it may have to be sent again', async () => {
    const { blobs } = setUp({ chunkSize: POOLED });
    const pooled = buffers.take();
    const content = Buffer.concat([pooled, Buffer.from('and more')]);
    const source = (): Readable => Readable.from([pooled, content.subarray(POOLED)]);
    await blobs.pushStream('app', { mediaType, open: source });
    buffers.giveBack(pooled);
    expect(buffers.take().buffer).not.toBe(pooled.buffer);
  });

  it('begins anew where the registry has less than it had before', async () => {
    let patches = 0;
    const change = ({ method }: RegistryRequest, answer: RegistryResponse): RegistryResponse => {
      if (method === 'PATCH' && patches++ === 0) return { ...answer, headers: { ...answer.headers, range: '0-99999' } };
      return method === 'GET' ? { ...answer, headers: { ...answer.headers, range: '0-9' } } : answer;
    };
    const faults = [{ on: 'PATCH', nth: 2, status: 503 }];
    const { blobs, seen } = setUp({ chunkSize: MIB, faults, change });
    const steps: number[] = [];
    await expectStored(
      blobs,
      push(blobs, (bytes) => void steps.push(bytes)),
    );
    expect(count(seen, 'POST')).toBe(2);
    // What is taken back is all that was counted.
    expect(steps.filter((bytes) => bytes < 0)).toEqual([-100_000]);
  });

  it('does not send a chunk for ever where the registry takes a byte at a time', async () => {
    let [stored, patches] = [1, 0];
    const registry: RegistryHandler = {
      handle: async ({ method, body }) => {
        await buffer(body);
        if (method === 'PATCH') [stored, patches] = [stored + 1, patches + 1];
        const headers = { location: '/v2/app/blobs/uploads/1', range: `0-${stored - 1}` };
        return { status: method === 'PUT' ? 400 : 202, headers };
      },
    };
    const blobs = new BlobService(new EmbeddedTransport(registry), { ...OPTIONS, chunkSize: 2000 });
    const small = { mediaType, open: () => Readable.from([Buffer.alloc(3000)]) };
    await expect(blobs.pushStream('app', small)).rejects.toMatchObject({ status: 400 });
    expect(patches).toBeLessThanOrEqual(4 * 101);
  });

  it.each<[string, () => Promise<Readable> | Readable]>([
    ['says nothing', () => new Readable({ read: () => undefined })],
    ['does not open', () => new Promise<Readable>(() => undefined)],
  ])('can be aborted while its content %s', async (_what, silent) => {
    const { blobs, seen } = setUp({ chunkSize: MIB });
    const abort = new AbortController();
    const open = (): Promise<Readable> | Readable => {
      setImmediate(() => abort.abort(new Error('enough')));
      return silent();
    };
    const pushing = blobs.pushStream('app', { mediaType, open }, { signal: abort.signal });
    await expect(pushing).rejects.toThrow('enough');
    expect(seen.at(-1)).toBe('DELETE');
  });

  it('is what a proxy gets that takes nothing of unknown length', async () => {
    const gate: Gate = ({ method, headers }) =>
      method === 'PATCH' && headers['content-length'] === undefined
        ? errorResponse(new Refusal('SIZE_INVALID', 'no length', { status: 411 }))
        : undefined;
    const { blobs } = setUp({ gate });
    await expectStored(blobs, push(blobs));
  });

  describe('when a proxy says that the body is too large', () => {
    it('sends chunks that it lets through', async () => {
      const { blobs, seen } = setUp({ gate: proxyTaking(MIB) });
      await expectStored(blobs, push(blobs));
      expect(seen.filter((line) => /^PATCH \d+-/.test(line)).slice(-3)).toEqual([
        `PATCH 0-${MIB - 1} ${MIB}`,
        `PATCH ${MIB}-${2 * MIB - 1} ${MIB}`,
        `PATCH ${2 * MIB}-${CONTENT.length - 1} ${500 * KIB}`,
      ]);
    });

    it('learns it for the blobs that follow', async () => {
      const { blobs, seen } = setUp({ gate: proxyTaking(MIB) });
      await expectStored(blobs, push(blobs));
      const before = count(seen, 'POST');
      const other = Buffer.alloc(3 * MIB, 'another');
      await blobs.pushStream('app', { mediaType, open: () => Readable.from([other]) });
      expect(count(seen, 'POST')).toBe(before + 1);
    });

    it('says so when nothing is small enough', async () => {
      const { blobs } = setUp({ gate: proxyTaking(1000) });
      await expect(push(blobs)).rejects.toMatchObject({ status: 413 });
    });
  });
});
