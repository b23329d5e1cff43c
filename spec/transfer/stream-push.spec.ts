import { describe, expect, it } from '@jest/globals';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { EmbeddedTransport } from '../../lib/embedded/embedded-transport.js';
import { RegistryClient } from '../../lib/index.js';
import { noise, toBuffer } from '../support/content.js';
import { imageTar } from '../support/image-tar.js';
import { type ImageFormat, WRITERS } from '../support/image-writers.js';
import { layerOf } from '../support/tar-builder.js';

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

    it('of the fixtures, byte by byte', async () => {
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
});
