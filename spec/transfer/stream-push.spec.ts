import { describe, expect, it } from '@jest/globals';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { EmbeddedTransport } from '../../lib/embedded/embedded-transport.js';
import type { Fault } from '../../lib/embedded/fault.js';
import { Faults } from '../../lib/embedded/faults.js';
import { EmbeddedRegistry } from '../../lib/embedded/registry.js';
import { type PushEvent, type PushOptions, RegistryClient, RegistryError } from '../../lib/index.js';
import { noise, toBuffer } from '../support/content.js';
import { imageTar } from '../support/image-tar.js';
import { type ImageFormat, WRITERS } from '../support/image-writers.js';
import { ReusingStream } from '../support/reusing-stream.js';
import { layerOf, type TarEntry } from '../support/tar-builder.js';
import { RecordingTransport } from './recording-transport.js';

const FIXTURES = 'spec/fixtures';
const FORMATS = Object.keys(WRITERS) as ImageFormat[];
/** One is sent while it passes, one is kept. */
const LAYERS = [layerOf({ big: noise(1_500_000, 'big') }), layerOf({ small: 'hello' })];

/** As a pipe gives it, `size` bytes at a time. */
function inChunks(bytes: Buffer, size: number): Readable {
  function* chunks() {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  return Readable.from(chunks(), { objectMode: false });
}

function newClient(): RegistryClient {
  return new RegistryClient({ url: 'http://registry.test', transport: new EmbeddedTransport() });
}

/** One that writes down what it is sent, and has its faults. */
function recording(...faults: Fault[]): { transport: RecordingTransport; client: RegistryClient } {
  const registry = new EmbeddedTransport(new Faults(new EmbeddedRegistry(), faults));
  const transport = new RecordingTransport(registry);
  return { transport, client: new RegistryClient({ url: 'http://registry.test', transport, cache: false }) };
}

async function failure(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: Error) => error,
  );
}

/** Gives some bytes, and then ends as `end` says. */
function ending(bytes: Buffer, end: (stream: Readable) => void): Readable {
  const left = [bytes];
  return new Readable({
    read() {
      const next = left.shift();
      if (next) this.push(next);
      else end(this);
    },
  });
}

function failing(bytes: Buffer): Readable {
  return ending(bytes, (stream) => stream.destroy(new Error('the producer died')));
}

function closing(bytes: Buffer): Readable {
  return ending(bytes, (stream) => stream.destroy());
}

function stuck(bytes: Buffer): Readable {
  return ending(bytes, () => undefined);
}

async function ended(): Promise<Readable> {
  const stream = inChunks(Buffer.from('bytes'), 5);
  await stream.toArray();
  return stream;
}

/** The checksum at its end is wrong. */
function damagedGzip(tar: Buffer): Buffer {
  const packed = gzipSync(tar);
  packed.writeUInt32LE((packed.readUInt32LE(packed.length - 8) ^ 1) >>> 0, packed.length - 8);
  return packed;
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('push of a stream', () => {
  describe('gives the digest that the same archive has as a file', () => {
    it.each(FORMATS.flatMap((format) => [511, 512, 65_536].map((size) => [format, size] as const)))(
      'written by %s, %i bytes at a time',
      async (format, size) => {
        const { tar } = imageTar({ format, layers: LAYERS });
        const fromFile = await newClient().push(tar, 'app:1');
        const { reference, digest, mediaType, omitted } = fromFile;
        const fromStream = await newClient().push(inChunks(tar, size), 'app:1');
        expect(fromStream).toMatchObject({ reference, digest, mediaType, omitted, size: fromFile.size });
        expect(fromStream.blobs).toEqual(fromFile.blobs);
        expect(fromStream.bytesSent).toBe(fromFile.bytesSent);
      },
    );

    it.each(FORMATS)('written by %s, plain, and packed whole', async (format) => {
      const { tar } = imageTar({ format, layers: LAYERS });
      const options = { compression: 'none' } as const;
      const { digest } = await newClient().push(tar, 'app:1', options);
      expect((await newClient().push(inChunks(gzipSync(tar), 1000), 'app:1', options)).digest).toBe(digest);
    });

    it('of the fixtures', async () => {
      for (const name of (await readdir(FIXTURES)).filter((file) => file.endsWith('.tar'))) {
        const tar = await readFile(join(FIXTURES, name));
        const options = name.includes('multi-image') ? { image: 0 } : {};
        const outcome = (push: Promise<{ digest: string }>) =>
          push.then(
            ({ digest }) => digest,
            (error: Error) => error.message.replace(/^[^ ]*\.tar|^the stream|^the archive in memory/, ''),
          );
        const expected = await outcome(newClient().push(tar, 'app:1', options));
        expect([name, await outcome(newClient().push(inChunks(tar, 100_000), 'app:1', options))]).toEqual([
          name,
          expected,
        ]);
      }
    });
  });

  describe('of buffers that are filled again', () => {
    const { tar: large } = imageTar({ format: 'docker-25', layers: [layerOf({ big: noise(9_000_000, 'huge') })] });

    it.each(FORMATS.flatMap((format) => [512, 65_536].map((size) => [format, size] as const)))(
      'looks at none after it gave it back, written by %s, %i bytes at a time',
      async (format, size) => {
        const { tar } = imageTar({ format, layers: LAYERS });
        for (const options of [{}, { compression: 'none' }] as const) {
          const { digest } = await newClient().push(tar, 'app:1', options);
          expect((await newClient().push(new ReusingStream(tar, size), 'app:1', options)).digest).toBe(digest);
        }
      },
    );

    it.each(['gzip', 'none'] as const)(
      'gives nearly all of them back, sent with compression %s',
      async (compression) => {
        const stream = new ReusingStream(large, 65_536);
        await newClient().push(stream, 'app:1', { compression });
        expect(stream.returned).toBeGreaterThan(8_800_000);
      },
    );

    it('leaves them to a stream that is packed whole', async () => {
      const stream = new ReusingStream(gzipSync(large, { level: 1 }), 65_536);
      const { digest } = await newClient().push(large, 'app:1');
      expect((await newClient().push(stream, 'app:1')).digest).toBe(digest);
      expect(stream.returned).toBe(0);
    });

    it('keeps what a broken connection may ask for again', async () => {
      const { tar } = imageTar({ format: 'docker-25', layers: LAYERS });
      const { transport, client } = recording({ on: 'PATCH', resetAfterBytes: 100_000 });
      const { digest } = await newClient().push(tar, 'app:1');
      expect((await client.push(new ReusingStream(tar, 65_536), 'app:1', { concurrency: 1 })).digest).toBe(digest);
      expect(transport.requests(/^PATCH/)).toHaveLength(2);
    });
  });

  it('takes bytes as they come, one at a time or all at once', async () => {
    const { tar } = imageTar({ format: 'docker-24', layers: [layerOf({ small: 'hello' })] });
    const { digest } = await newClient().push(tar, 'app:1');
    for (const size of [1, 7, 513, tar.length]) {
      expect((await newClient().push(inChunks(tar, size), 'app:1')).digest).toBe(digest);
    }
  });

  it('takes streams in object mode, and bytes that are no Buffer', async () => {
    const { tar } = imageTar({ format: 'docker-25', layers: LAYERS });
    const { digest } = await newClient().push(tar, 'app:1');
    const stream = Readable.from([new Uint8Array(tar.subarray(0, 700)), tar.subarray(700)]);
    expect((await newClient().push(stream, 'app:1')).digest).toBe(digest);
  });

  describe('sends', () => {
    const options = { concurrency: 1 };

    it('what is large while it passes, what is small at the end, and the manifest last of all', async () => {
      const { tar } = imageTar({ format: 'docker-25', layers: LAYERS });
      const { transport, client } = recording();
      const events: PushEvent['state'][] = [];
      await client.push(inChunks(tar, 65_536), 'app:1', { ...options, onProgress: ({ state }) => events.push(state) });
      const [planned, tagged] = [events.indexOf('planned'), events.indexOf('tagged')];
      expect(events.indexOf('uploaded')).toBeLessThan(planned);
      expect(events.lastIndexOf('uploaded')).toBeGreaterThan(planned);
      expect(tagged).toBe(events.length - 1);
      expect(transport.log.at(-1)).toMatch(/^PUT .*\/manifests\/1 201$/);
    });

    it('nothing that the registry has under the name in the layout, and reads past it', async () => {
      const { tar } = imageTar({ format: 'oci', layers: LAYERS });
      const { transport, client } = recording();
      await client.push(tar, 'app:1');
      transport.log.length = 0;
      const pushed = await client.push(inChunks(tar, 65_536), 'app:2', options);
      expect(pushed).toMatchObject({ bytesSent: 0, blobs: { uploaded: 0, skipped: 3 } });
      expect(transport.requests(/^(POST|PATCH)/)).toEqual([]);
    });

    describe('nothing that was packed before', () => {
      const { tar } = imageTar({ format: 'docker-25', layers: LAYERS });
      const pushAgain = async (first: string, again: string, options: PushOptions = {}) => {
        const { transport, client } = recording();
        await client.push(tar, first);
        transport.log.length = 0;
        // A client that remembers nothing.
        const other = again.startsWith('!') ? client : new RegistryClient({ url: 'http://registry.test', transport });
        const events: PushEvent[] = [];
        const onProgress = (event: PushEvent) => void events.push(event);
        const pushed = await other.push(inChunks(tar, 65_536), again.replace('!', ''), { ...options, onProgress });
        return { transport, pushed, events };
      };

      it('and that a manifest of the repository tells of', async () => {
        const { transport, pushed, events } = await pushAgain('app:1', 'app:2');
        expect(pushed).toMatchObject({ bytesSent: 0, blobs: { uploaded: 0, skipped: 3 } });
        expect(transport.requests(/^(POST|PATCH)/)).toEqual([]);
        expect(transport.requests(/^GET .*manifests/).length).toBe(
          new Set(transport.requests(/^GET .*manifests/)).size,
        );
        expect(events.filter(({ state }) => state === 'exists')).toHaveLength(3);
      });

      it('and that this client remembers, from another repository', async () => {
        const { pushed } = await pushAgain('base:1', '!app:1');
        // The config is not a layer.
        expect(pushed).toMatchObject({ blobs: { uploaded: 1, mounted: 2 } });
      });

      it('and that is to be mounted', async () => {
        const { pushed } = await pushAgain('base:1', 'app:1', { mountFrom: 'base' });
        expect(pushed).toMatchObject({ bytesSent: 0, blobs: { uploaded: 0, mounted: 3 } });
      });

      it('unless it is not what its name says', async () => {
        const { tar: corrupt } = imageTar({ format: 'docker-25', layers: LAYERS, corruptLayer: 0 });
        const { transport, client } = recording();
        await client.push(tar, 'app:1');
        const error = await failure(client.push(inChunks(corrupt, 65_536), 'app:2'));
        expect(error.name).toBe('ValidationError');
        expect(transport.requests(/manifests\/2 201/)).toEqual([]);
      });

      it('and learns nothing from a layer that is not what its name says', async () => {
        const { tar: corrupt } = imageTar({ format: 'docker-25', layers: LAYERS, corruptLayer: 0 });
        const { client } = recording();
        await failure(client.push(inChunks(corrupt, 65_536), 'app:1'));
        const { digest } = await client.push(tar, 'other:1');
        expect(digest).toBe((await newClient().push(tar, 'app:1')).digest);
      });
    });

    it('nothing that another repository has', async () => {
      const { tar } = imageTar({ format: 'oci', layers: LAYERS });
      const client = newClient();
      await client.push(tar, 'base:1');
      const pushed = await client.push(inChunks(tar, 65_536), 'app:1', { mountFrom: 'base' });
      expect(pushed).toMatchObject({ bytesSent: 0, blobs: { mounted: 3 } });
    });

    it('what is left of a layer when its connection breaks while its start is still there', async () => {
      const { tar } = imageTar({ format: 'docker-25', layers: LAYERS });
      const { transport, client } = recording({ on: 'PATCH', resetAfterBytes: 100_000 });
      const pushed = await client.push(inChunks(tar, 65_536), 'app:1', options);
      expect(pushed.digest).toBe((await newClient().push(tar, 'app:1')).digest);
      expect(transport.requests(/^PATCH/)).toHaveLength(2);
      expect(transport.requests(/^DELETE/)).toHaveLength(0);
    });
  });

  describe('when a connection breaks after too much of a layer has passed', () => {
    const { tar } = imageTar({ format: 'docker-25', layers: [layerOf({ big: noise(9_000_000, 'huge') })] });

    it.each([
      ['compressed', {}, 'PATCH'],
      ['plain', { compression: 'none' }, 'PUT'],
    ] as const)('says that a stream cannot be read again, and tags nothing, %s', async (_, options, on) => {
      const { transport, client } = recording({ on, resetAfterBytes: 6_000_000 });
      const input = inChunks(tar, 65_536);
      const error = await failure(client.push(input, 'app:1', options));
      expect(error).toBeInstanceOf(RegistryError);
      expect(error.message).toMatch(
        /^blobs\/sha256\/[0-9a-f]+ was sent in part only: .* got no answer: the connection was reset/,
      );
      expect((error as RegistryError).hint).toContain('A stream cannot be read again: start it anew');
      expect(transport.requests(/manifests.* 201/)).toEqual([]);
      expect(transport.requests(/^DELETE/)).toEqual([expect.stringContaining('/uploads/')]);
      expect(input.destroyed).toBe(true);
    });
  });

  describe('fails and tags nothing when', () => {
    const { tar } = imageTar({ format: 'docker-25', layers: LAYERS });
    const inLayer = tar.indexOf(toBuffer(LAYERS[0]!).subarray(0, 512)) + 600_000;

    it.each([
      ['it is empty', () => inChunks(Buffer.alloc(0), 1), /^the stream is empty/],
      ['it is no tar', () => inChunks(Buffer.from('hello'), 2), /^the stream is not a tar/],
      ['it ends inside a layer', () => inChunks(tar.subarray(0, inLayer), 65_536), /^the stream is cut short inside /],
      [
        'it ends before its manifest',
        () => inChunks(tar.subarray(0, tar.indexOf('index.json')), 65_536),
        /manifest\.json is not in the archive, nor is index\.json/,
      ],
      ['it fails', () => failing(tar.subarray(0, inLayer)), /^the stream cannot be read: the producer died/],
      ['it is closed by somebody else', () => closing(tar.subarray(0, inLayer)), /^the stream cannot be read: /],
      ['it was read before', ended, /^the stream has been read or closed already/],
      ['it gives text', () => Readable.from(['text']), /^a stream to push gives bytes/],
      [
        'packed, it is cut short',
        () => inChunks(gzipSync(tar).subarray(0, 900_000), 65_536),
        /^the stream cannot be unpacked/,
      ],
      ['packed, its checksum is wrong', () => inChunks(damagedGzip(tar), 65_536), /^the stream cannot be unpacked/],
    ] as const)('%s', async (_, input, message) => {
      const { transport, client } = recording();
      const stream = await input();
      expect((await failure(client.push(stream, 'app:1'))).message).toMatch(message);
      expect(transport.requests(/manifests.* 201/)).toEqual([]);
      expect(stream.destroyed).toBe(true);
    });

    it('its manifest is larger than what is kept of a stream, and says which entry that is', async () => {
      const padding = (entry: TarEntry): TarEntry =>
        entry.name === 'manifest.json' ? { ...entry, content: `[${' '.repeat(5_000_000)}]` } : entry;
      const { tar: large } = imageTar({ format: 'docker-24', layers: LAYERS, transform: (all) => all.map(padding) });
      const { transport, client } = recording();
      const error = await failure(client.push(inChunks(large, 65_536), 'app:1'));
      expect(error).toMatchObject({
        name: 'TarReadError',
        message: expect.stringContaining(
          'manifest.json has 5000002 bytes of JSON, and of a stream no more is kept than 4',
        ),
        hint: expect.stringContaining('Push the archive as a file'),
      });
      expect(transport.requests(/manifests.* 201/)).toEqual([]);
    });

    it.each(FORMATS)('a layer is not what the config says, written by %s', async (format) => {
      const { tar: wrong } = imageTar({ format, layers: LAYERS, wrongDiffId: 0 });
      const { transport, client } = recording();
      expect((await failure(client.push(inChunks(wrong, 65_536), 'app:1'))).name).toBe('ValidationError');
      expect(transport.requests(/manifests.* 201/)).toEqual([]);
    });

    it.each(['oci', 'docker-25'] as const)('a layer is not what its name says, written by %s', async (format) => {
      const { tar: corrupt } = imageTar({ format, layers: LAYERS, corruptLayer: 0 });
      const { transport, client } = recording();
      expect((await failure(client.push(inChunks(corrupt, 65_536), 'app:1'))).name).toBe('ValidationError');
      expect(transport.requests(/manifests.* 201/)).toEqual([]);
    });
  });

  describe('when it is cancelled', () => {
    const { tar } = imageTar({ format: 'docker-25', layers: LAYERS });

    it('closes the stream and gives the session back, while it waits for bytes', async () => {
      const { transport, client } = recording();
      const cancel = new AbortController();
      const stream = stuck(tar.subarray(0, 900_000));
      const pushing = failure(client.push(stream, 'app:1', { signal: cancel.signal }));
      await until(() => transport.mostBodies > 0);
      cancel.abort(new Error('enough'));
      expect((await pushing).message).toBe('enough');
      expect(stream.destroyed).toBe(true);
      expect(transport.requests(/^DELETE .* 204/)).toHaveLength(1);
    });

    it('closes the stream also before anything was read', async () => {
      const stream = stuck(tar);
      const { transport, client } = recording();
      const signal = AbortSignal.abort(new Error('enough'));
      expect((await failure(client.push(stream, 'app:1', { signal }))).message).toBe('enough');
      expect(stream.destroyed).toBe(true);
      expect(transport.log).toEqual([]);
    });
  });

  describe('pushOriginalTags', () => {
    it('asks for a name, reads nothing and sends nothing', async () => {
      const { transport, client } = recording();
      const stream = stuck(Buffer.from('bytes'));
      const error = await failure(client.pushOriginalTags(stream));
      expect(error).toMatchObject({ code: 'NAME_REQUIRED' });
      expect([stream.destroyed, stream.readableDidRead, transport.log]).toEqual([false, false, []]);
      stream.destroy();
    });
  });

  it('takes one image of several, and one platform of several', async () => {
    const images = [
      { tags: ['a:1'], layers: [LAYERS[0]!] },
      { tags: ['b:1'], layers: [LAYERS[1]!] },
    ];
    const { tar } = imageTar({ format: 'docker-25', images });
    for (const image of [0, 'b:1']) {
      const { digest } = await newClient().push(tar, 'app:1', { image });
      expect((await newClient().push(inChunks(tar, 65_536), 'app:1', { image })).digest).toBe(digest);
    }
    const error = await failure(newClient().push(inChunks(tar, 65_536), 'app:1'));
    expect(error).toMatchObject({ code: 'IMAGE_AMBIGUOUS' });
  });
});
