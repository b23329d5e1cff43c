import { afterEach, describe, expect, it } from '@jest/globals';
import { getEventListeners } from 'node:events';
import { Readable } from 'node:stream';
import * as zlib from 'node:zlib';
import type { ArchiveLayer } from '../../lib/archive/archive-image.js';
import { DiffIdCheck, verifyLayer } from '../../lib/archive/verification.js';
import { TarReadError, ValidationError } from '../../lib/errors.js';
import type { Descriptor } from '../../lib/oci/descriptor.js';
import { digestOf } from '../../lib/oci/digest.js';
import { noise, text, toBuffer } from '../support/content.js';
import { hasZstd } from '../support/image-tar.js';
import { errorOf } from './reading.js';

const PLAIN = toBuffer(text(3_000_000));
const PACKED = zlib.gzipSync(PLAIN, { level: 1 });

interface LayerOptions {
  stored: Buffer;
  packing?: ArchiveLayer['packing'];
  diffId?: string | undefined;
  digest?: string;
  open?: () => Readable;
}

function layerOf({ stored, packing = 'none', digest, open, ...rest }: LayerOptions): ArchiveLayer {
  const descriptor: Descriptor | undefined =
    digest === undefined ? undefined : { mediaType: 'application/x', digest, size: stored.length };
  return {
    entry: 'dir/layer.tar',
    size: stored.length,
    position: 0,
    packing,
    open: open ?? (() => inChunks(stored)),
    ...('diffId' in rest ? (rest.diffId === undefined ? {} : { diffId: rest.diffId }) : { diffId: digestOf(PLAIN) }),
    ...(descriptor === undefined ? {} : { descriptor }),
  };
}

function inChunks(bytes: Buffer, size = 100_000): Readable {
  const count = Math.ceil(bytes.length / size);
  return Readable.from(
    Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size)),
    {
      objectMode: false,
    },
  );
}

async function check(layer: ArchiveLayer, chunks: AsyncIterable<Buffer> = layer.open()): Promise<void> {
  const diffId = new DiffIdCheck(layer);
  for await (const chunk of chunks) await diffId.update(chunk);
  await diffId.finish();
}

async function problem(work: Promise<unknown>): Promise<string> {
  const error = await errorOf(work);
  expect(error).toBeInstanceOf(ValidationError);
  expect((error as ValidationError).problems).toMatchObject([{ entry: 'dir/layer.tar' }]);
  return error.message;
}

const WRONG = digestOf('something else');

describe('DiffIdCheck', () => {
  it.each([
    ['plain', layerOf({ stored: PLAIN })],
    ['gzip', layerOf({ stored: PACKED, packing: 'gzip' })],
    ['gzip in several members', layerOf({ stored: Buffer.concat([zlib.gzipSync(PLAIN.subarray(0, 7)), zlib.gzipSync(PLAIN.subarray(7))]), packing: 'gzip' })], // prettier-ignore
    ['an empty one', layerOf({ stored: Buffer.alloc(0), diffId: digestOf('') })],
    ['an empty one in gzip', layerOf({ stored: zlib.gzipSync(''), packing: 'gzip', diffId: digestOf('') })],
    ['one named by sha512', layerOf({ stored: PLAIN, diffId: digestOf(PLAIN, 'sha512') })],
  ])('accepts the right content: %s', async (_, layer) => {
    await check(layer);
  });

  it.each([1, 1000, 10_000_000])('does not depend on chunks, here of %d bytes', async (size) => {
    const stored = zlib.gzipSync(PLAIN.subarray(0, 20_000));
    const layer = layerOf({ stored, packing: 'gzip', diffId: digestOf(PLAIN.subarray(0, 20_000)) });
    await check(layer, inChunks(stored, size));
  });

  it.each([
    ['plain', layerOf({ stored: PLAIN, diffId: WRONG })],
    ['gzip', layerOf({ stored: PACKED, packing: 'gzip', diffId: WRONG })],
  ])('names both diff_ids where the content is another: %s', async (_, layer) => {
    expect(await problem(check(layer))).toBe(
      `dir/layer.tar has the diff_id ${digestOf(PLAIN)}, but the config says ${WRONG}`,
    );
  });

  it.each<[string, (bytes: Buffer) => Buffer, string]>([
    ['cut short', (bytes) => bytes.subarray(0, bytes.length - 5), 'unexpected end of file'],
    ['cut short in the middle', (bytes) => bytes.subarray(0, 5000), 'unexpected end of file'],
    ['with a wrong checksum', (bytes) => bytes.fill(0, bytes.length - 8, bytes.length - 4), 'incorrect data check'],
    ['with damage in the middle', (bytes) => bytes.fill(0xff, 100, 110), '.+'],
    ['followed by something else', (bytes) => Buffer.concat([bytes, Buffer.from('garbage')]), 'incorrect header check'],
  ])('tells of gzip that is %s', async (_, damage, reason) => {
    const stored = damage(Buffer.from(PACKED));
    const message = await problem(check(layerOf({ stored, packing: 'gzip' })));
    expect(message).toMatch(new RegExp(`^dir/layer\\.tar cannot be unpacked \\(${reason}\\)$`));
  });

  it('takes no more once it knows that the content is damaged', async () => {
    const stored = Buffer.from(PACKED).fill(0xff, 100, 110);
    const diffId = new DiffIdCheck(layerOf({ stored, packing: 'gzip' }));
    const feed = async (): Promise<void> => {
      for (;;) await diffId.update(stored);
    };
    expect(await problem(feed())).toContain('cannot be unpacked');
  });

  it('lets zeros behind gzip pass, although Node before 24 never takes them', async () => {
    const diffId = new DiffIdCheck(layerOf({ stored: PACKED, packing: 'gzip' }));
    await diffId.update(PACKED);
    for (let i = 0; i < 50; i += 1) await diffId.update(Buffer.alloc(1024 * 1024));
    await diffId.finish();
  });

  it('gets through a bomb', async () => {
    const bomb = zlib.gzipSync(Buffer.alloc(100 * 1024 * 1024), { level: 1 });
    expect(await problem(check(layerOf({ stored: bomb, packing: 'gzip' })))).toContain('has the diff_id');
  });

  it('takes a chunk only when the one before is unpacked', async () => {
    const diffId = new DiffIdCheck(layerOf({ stored: PACKED, packing: 'gzip' }));
    let isTaken = false;
    const first = diffId.update(zlib.gzipSync(toBuffer(noise(1_000_000)))).then(() => (isTaken = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(isTaken).toBe(false);
    await first;
    diffId.destroy();
  });

  it('lets go when the rest will not come', async () => {
    const diffId = new DiffIdCheck(layerOf({ stored: PACKED, packing: 'gzip' }));
    const pending = diffId.update(PACKED);
    diffId.destroy();
    await pending;
    expect(await problem(diffId.finish())).toContain('cannot be unpacked');
    new DiffIdCheck(layerOf({ stored: PLAIN })).destroy();
  });

  it('takes zstd where Node can, and else says what to do', async () => {
    if (hasZstd()) {
      const { zstdCompressSync } = zlib as unknown as { zstdCompressSync: (bytes: Buffer) => Buffer };
      const frames = [PLAIN.subarray(0, 1000), PLAIN.subarray(1000)].map((part) => zstdCompressSync(part));
      await check(layerOf({ stored: Buffer.concat(frames), packing: 'zstd' }));
      const damaged = Buffer.concat([...frames, Buffer.from('garbage')]);
      expect(await problem(check(layerOf({ stored: damaged, packing: 'zstd' })))).toContain('cannot be unpacked');
    } else {
      const layer = layerOf({ stored: Buffer.from('28b52ffd', 'hex'), packing: 'zstd' });
      expect(await problem(check(layer))).toBe(
        'dir/layer.tar is packed with zstd, so its diff_id cannot be checked here. ' +
          'Unpack it first, with zstd -d, or use Node 22.15 or later, which reads zstd.',
      );
    }
  });

  it.each(['xz', 'bzip2'] as const)('says that it cannot check %s', async (packing) => {
    const error = await errorOf(() => new DiffIdCheck(layerOf({ stored: PLAIN, packing })));
    expect(error).toBeInstanceOf(ValidationError);
    expect(error.message).toContain(`is packed with ${packing}, so its diff_id cannot be checked here`);
  });
});

describe('verifyLayer', () => {
  const opened: Readable[] = [];

  function watched(options: LayerOptions): ArchiveLayer {
    const layer = layerOf(options);
    return {
      ...layer,
      open: () => {
        const stream = layer.open();
        opened.push(stream);
        return stream;
      },
    };
  }

  afterEach(() => {
    expect(opened.splice(0).every((stream) => stream.destroyed)).toBe(true);
  });

  it.each([
    ['a diff_id only', watched({ stored: PACKED, packing: 'gzip' })],
    ['a digest only', watched({ stored: PACKED, packing: 'gzip', diffId: undefined, digest: digestOf(PACKED) })],
    ['both', watched({ stored: PACKED, packing: 'gzip', digest: digestOf(PACKED) })],
    ['a sha512 digest', watched({ stored: PLAIN, digest: digestOf(PLAIN, 'sha512') })],
    ['neither', watched({ stored: PLAIN, diffId: undefined })],
  ])('finds nothing wrong with a layer that has %s', async (_, layer) => {
    expect(await verifyLayer(layer)).toEqual([]);
  });

  it('tells of a digest that is not the name', async () => {
    const layer = watched({ stored: PLAIN, digest: WRONG });
    expect(await verifyLayer(layer)).toEqual([
      { entry: 'dir/layer.tar', message: `has the digest ${digestOf(PLAIN)}, which is not its name` },
    ]);
  });

  it('tells of a wrong diff_id', async () => {
    const layer = watched({ stored: PACKED, packing: 'gzip', digest: digestOf(PACKED), diffId: WRONG });
    expect(await verifyLayer(layer)).toMatchObject([
      { message: expect.stringContaining(`but the config says ${WRONG}`) },
    ]);
  });

  it('tells of damaged gzip', async () => {
    const layer = watched({ stored: PACKED.subarray(0, 1000), packing: 'gzip' });
    expect(await verifyLayer(layer)).toMatchObject([{ message: expect.stringContaining('cannot be unpacked') }]);
  });

  it('tells of a packing it cannot read', async () => {
    expect(await verifyLayer(watched({ stored: PLAIN, packing: 'xz' }))).toHaveLength(1);
  });

  it('tells that the file ended', async () => {
    const failing = (): Readable => new Readable({ read() { this.destroy(new TarReadError('app.tar ended inside it')); } }); // prettier-ignore
    const layer = watched({ stored: PLAIN, open: failing });
    expect(await verifyLayer(layer)).toEqual([{ entry: 'dir/layer.tar', message: 'app.tar ended inside it' }]);
  });

  it('throws what is no fault of the archive', async () => {
    const failing = (): Readable => new Readable({ read() { this.destroy(new Error('a bug')); } }); // prettier-ignore
    expect((await errorOf(verifyLayer(watched({ stored: PLAIN, open: failing })))).message).toBe('a bug');
  });

  describe('when it is cancelled', () => {
    it('rejects with the reason before it begins', async () => {
      const reason = new Error('enough');
      const layer = watched({ stored: PLAIN });
      expect(await errorOf(verifyLayer(layer, AbortSignal.abort(reason)))).toBe(reason);
    });

    it('rejects with the reason while it reads, or waits to', async () => {
      const reason = new Error('enough');
      for (const packing of ['none', 'gzip'] as const) {
        const controller = new AbortController();
        const stalled = (): Readable => new Readable({ read() { this.push(PACKED.subarray(0, 1000)); this.read = () => null; } }); // prettier-ignore
        const work = verifyLayer(watched({ stored: PLAIN, packing, open: stalled }), controller.signal);
        setTimeout(() => controller.abort(reason), 10);
        expect(await errorOf(work)).toBe(reason);
      }
    });

    it('leaves nothing on the signal', async () => {
      const { signal } = new AbortController();
      await verifyLayer(watched({ stored: toBuffer(noise(10)), diffId: undefined }), signal);
      expect(getEventListeners(signal, 'abort')).toEqual([]);
    });
  });
});
