import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { EmbeddedTransport } from '../../lib/embedded/embedded-transport.js';
import type { Fault } from '../../lib/embedded/fault.js';
import { Faults } from '../../lib/embedded/faults.js';
import type { RegistryHandler, RegistryRequest, RegistryResponse } from '../../lib/embedded/message.js';
import { Personality, type PersonalityName } from '../../lib/embedded/personality.js';
import { EmbeddedRegistry } from '../../lib/embedded/registry.js';
import { RegistryError } from '../../lib/errors.js';
import { digestOf } from '../../lib/oci/digest.js';
import { tapStream } from '../../lib/oci/tap-stream.js';
import { BlobService, type PushedBlob } from '../../lib/services/blob-service.js';
import { noise, toBuffer } from '../support/content.js';
import { OPTIONS } from './scripted.js';

const MIB = 1024 * 1024;
const CONTENT = toBuffer(noise(3 * MIB + 12_345, 'a layer'));
const descriptor = { mediaType: 'application/octet-stream', digest: digestOf(CONTENT), size: CONTENT.length };
const UPLOAD = /uploads\/./;

/** Writes down what reaches `inner`, whose answers may be changed on their way back. */
class Witness implements RegistryHandler {
  /** `PATCH 0-9 10 bytes`: method, Content-Range, bytes that arrived. */
  readonly seen: string[] = [];

  constructor(
    private readonly inner: RegistryHandler,
    private readonly change: (request: RegistryRequest, answer: RegistryResponse) => RegistryResponse = (_, a) => a,
  ) {}

  async handle(request: RegistryRequest): Promise<RegistryResponse> {
    const { method, headers } = request;
    const index = this.seen.length;
    let bytes = 0;
    const tell = (): void => {
      const range = headers['content-range'] ?? '';
      this.seen[index] = `${method}${range && ` ${range}`}${bytes > 0 ? ` ${bytes} bytes` : ''}`;
    };
    tell();
    const body = tapStream(request.body, {
      chunk: ({ length }) => {
        bytes += length;
        tell();
      },
    });
    const answer = await this.inner.handle({ ...request, body });
    return UPLOAD.test(request.target) || method === 'POST' ? this.change(request, answer) : answer;
  }
}

interface SetUp {
  faults?: Fault[];
  personality?: PersonalityName;
  change?: (request: RegistryRequest, answer: RegistryResponse) => RegistryResponse;
  chunkSize?: number;
}

function setUp({ faults = [], personality, change, chunkSize }: SetUp) {
  const registry = new EmbeddedRegistry();
  const witness = new Witness(personality ? new Personality(registry, personality) : registry, change);
  const faulty = new Faults(witness, faults);
  const blobs = new BlobService(new EmbeddedTransport(faulty), { ...OPTIONS, ...(chunkSize ? { chunkSize } : {}) });
  return { blobs, seen: witness.seen, faulty };
}

const open = (): Readable =>
  Readable.from(
    Array.from({ length: Math.ceil(CONTENT.length / 65_536) }, (_, i) =>
      CONTENT.subarray(i * 65_536, (i + 1) * 65_536),
    ),
    { objectMode: false },
  );

type Push = (blobs: BlobService, onSent?: (bytes: number) => void) => Promise<PushedBlob>;
const inOnePut: Push = (blobs, onSent) => blobs.push('app', { descriptor, open }, { onSent });
const asStream: Push = (blobs, onSent) =>
  blobs.pushStream('app', { mediaType: descriptor.mediaType, open }, { onSent });
const ways = [
  ['with its digest known', inOnePut, 'PUT'],
  ['as a stream', asStream, 'PATCH'],
] as const;

async function expectStored(blobs: BlobService, pushing: Promise<PushedBlob>): Promise<PushedBlob> {
  const pushed = await pushing;
  expect(pushed).toMatchObject({ descriptor, outcome: 'uploaded' });
  expect((await buffer(await blobs.fetch('app', descriptor))).equals(CONTENT)).toBe(true);
  return pushed;
}

// So that no pause takes long.
beforeEach(() => {
  jest.spyOn(Math, 'random').mockReturnValue(0);
});
afterEach(() => {
  jest.restoreAllMocks();
});

describe.each(ways)('an upload %s', (_way, push, on) => {
  describe('when the connection breaks in the middle of the content', () => {
    it.each([undefined, 'distribution-3', 'ghcr', 'ecr'] as const)('sends only what is missing (%s)', async (name) => {
      const faults = [{ on, path: UPLOAD, resetAfterBytes: 2 * MIB }];
      const { blobs, seen } = setUp({ faults, ...(name ? { personality: name } : {}) });
      let sent = 0;
      await expectStored(
        blobs,
        push(blobs, (bytes) => (sent += bytes)),
      );
      expect(sent).toBe(CONTENT.length);
      const arrived = seen.map((line) => Number(/(\d+) bytes/.exec(line)?.[1] ?? 0));
      expect(arrived.reduce((sum, bytes) => sum + bytes)).toBeLessThan(CONTENT.length + MIB);
      expect(seen.filter((line) => line.startsWith('POST'))).toHaveLength(1);
      expect(seen).not.toContain('DELETE');
    });

    it('survives several breaks', async () => {
      const faults = [1, 2, 3, 4].map(() => ({ on, path: UPLOAD, resetAfterBytes: 600_000 }));
      const { blobs, seen, faulty } = setUp({ faults });
      await expectStored(blobs, push(blobs));
      expect(faulty.pending).toHaveLength(0);
      expect(seen.filter((line) => line.startsWith('POST'))).toHaveLength(1);
    });

    it('begins anew where the registry forgets the session', async () => {
      const faults = [{ on, path: UPLOAD, resetAfterBytes: 2 * MIB }];
      const { blobs, seen } = setUp({ faults, personality: 'distribution-2.8' });
      await expectStored(blobs, push(blobs));
      expect(seen.filter((line) => line.startsWith('POST'))).toHaveLength(2);
    });

    it.each([
      ['one byte or none', '0-0'],
      ['nothing', undefined],
      ['more than was sent', `0-${CONTENT.length}`],
      ['nonsense', 'bytes 0-5/7'],
      ['a negative number', '0--5'],
    ])('begins anew where the registry says that it has %s', async (_, range) => {
      const faults = [{ on, path: UPLOAD, resetAfterBytes: 2 * MIB }];
      const change = ({ method }: RegistryRequest, answer: RegistryResponse): RegistryResponse => {
        if (method !== 'GET') return answer;
        const { range: _range, ...headers } = answer.headers;
        return { ...answer, headers: range === undefined ? headers : { ...headers, range } };
      };
      const { blobs, seen } = setUp({ faults, change });
      await expectStored(blobs, push(blobs));
      expect(seen.filter((line) => line.startsWith('POST'))).toHaveLength(2);
      expect(seen).toContain('DELETE');
    });

    it('begins anew, and not for ever, where every rest breaks off', async () => {
      const { blobs, seen } = setUp({ faults: [{ on, path: UPLOAD, resetAfterBytes: 1, times: Infinity }] });
      await expect(push(blobs)).rejects.toBeInstanceOf(RegistryError);
      expect(seen.filter((line) => line.startsWith('POST')).length).toBeLessThanOrEqual(4);
    });
  });

  it('goes on after the server is in trouble', async () => {
    const { blobs, seen } = setUp({ faults: [{ on, path: UPLOAD, status: 503, times: 2 }] });
    await expectStored(blobs, push(blobs));
    expect(seen).toContain(on === 'PUT' ? `PUT ${CONTENT.length} bytes` : `PATCH ${CONTENT.length} bytes`);
  });

  it('is not sent again when only the answer was lost', async () => {
    const { blobs, seen } = setUp({ faults: [{ on, path: UPLOAD, dropResponse: true }] });
    const pushed = await expectStored(blobs, push(blobs));
    expect(pushed.bytesSent).toBe(CONTENT.length);
    expect(seen.filter((line) => line.startsWith('POST'))).toHaveLength(1);
  });

  it('is not sent again when the last answer was lost, or the last request', async () => {
    for (const fault of [{ dropResponse: true as const }, { resetAfterBytes: 0 }, { status: 500 }]) {
      const { blobs } = setUp({ faults: [{ on: 'PUT', path: UPLOAD, ...fault }] });
      const pushed = await expectStored(blobs, push(blobs));
      if (on === 'PATCH') expect(pushed.bytesSent).toBe(CONTENT.length);
    }
  });
});

describe('an upload as a stream', () => {
  it('sends the rest where the registry says that it took a part', async () => {
    let isFirst = true;
    const registry = new EmbeddedRegistry();
    const takesHalf: RegistryHandler = {
      handle: (request) => {
        if (request.method !== 'PATCH' || !isFirst) return registry.handle(request);
        isFirst = false;
        const body = Readable.from(half(request.body), { objectMode: false });
        return registry.handle({ ...request, body });
      },
    };
    const blobs = new BlobService(new EmbeddedTransport(takesHalf), OPTIONS);
    await expectStored(blobs, asStream(blobs));
  });

  async function* half(body: Readable): AsyncGenerator<Buffer> {
    let taken = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      if (taken < MIB) yield chunk;
      taken += chunk.length;
    }
  }

  it('begins anew where the content is shorter than what is there of it', async () => {
    const { blobs, seen } = setUp({ faults: [{ on: 'PATCH', path: UPLOAD, resetAfterBytes: 2 * MIB }] });
    const short = CONTENT.subarray(0, MIB);
    let opened = 0;
    const pushed = await blobs.pushStream('app', {
      mediaType: descriptor.mediaType,
      open: () => (opened++ === 0 ? open() : Readable.from([short], { objectMode: false })),
    });
    expect(pushed.descriptor).toMatchObject({ digest: digestOf(short), size: MIB });
    expect(opened).toBe(3);
    expect(seen.filter((line) => line.startsWith('POST'))).toHaveLength(2);
  });

  it('trusts no count any more that has spoilt an upload', async () => {
    const faults = [1, 2].map(() => ({ on: 'PATCH', path: UPLOAD, resetAfterBytes: 2 * MIB }));
    const change = ({ method }: RegistryRequest, answer: RegistryResponse): RegistryResponse => {
      const tooFew = `0-${Number(/\d+$/.exec(answer.headers.range ?? '')?.[0]) - 1}`;
      return method === 'GET' ? { ...answer, headers: { ...answer.headers, range: tooFew } } : answer;
    };
    const { blobs, seen, faulty } = setUp({ faults, change });
    await expectStored(blobs, asStream(blobs));
    expect(faulty.pending).toHaveLength(0);
    expect(seen.filter((line) => line.startsWith('POST'))).toHaveLength(3);
  });

  it('does not read the content for ever where it gets on by a few bytes each time', async () => {
    let [stored, patches] = [0, 0];
    const headers = (): Record<string, string> => ({ location: '/v2/app/blobs/uploads/1', range: `0-${stored}` });
    const slow: RegistryHandler = {
      handle: async ({ method, body }) => {
        await buffer(body);
        if (method === 'PATCH') [stored, patches] = [stored + 9, patches + 1];
        // Every hundredth time it fails, so that it is asked how far it is.
        const isBroken = method === 'PUT' || patches % 100 === 99;
        if (method === 'GET') return { status: 204, headers: headers() };
        if (method === 'POST') stored = 0;
        return { status: isBroken ? 503 : 202, headers: headers() };
      },
    };
    const blobs = new BlobService(new EmbeddedTransport(slow), OPTIONS);
    const small = CONTENT.subarray(0, 100_000);
    const content = { mediaType: descriptor.mediaType, open: () => Readable.from([small], { objectMode: false }) };
    await expect(blobs.pushStream('app', content)).rejects.toBeInstanceOf(RegistryError);
    expect(patches).toBeLessThanOrEqual(4 * 110);
  });

  it('begins anew, and counts by itself, where the registry never knows what it has', async () => {
    const change = ({ method }: RegistryRequest, answer: RegistryResponse): RegistryResponse =>
      method === 'PATCH' || method === 'GET' ? { ...answer, headers: { ...answer.headers, range: '0-99' } } : answer;
    const { blobs, seen } = setUp({ change });
    await expectStored(blobs, asStream(blobs));
    expect(seen.filter((line) => line.startsWith('POST'))).toHaveLength(2);
  });

  it.each(['0-0', '0-99', 'bytes=0-5', `0-${10 * CONTENT.length}`, 'x'])(
    'is not confused by a registry that answers the range %s and has everything',
    async (range) => {
      const change = ({ method }: RegistryRequest, answer: RegistryResponse): RegistryResponse =>
        method === 'PATCH' ? { ...answer, headers: { ...answer.headers, range } } : answer;
      const { blobs } = setUp({ change });
      await expectStored(blobs, asStream(blobs));
    },
  );
});
