import { afterEach, describe, expect, it } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import type { Compressor } from '../../lib/compression/compressor.js';
import { FallbackCompressor } from '../../lib/compression/fallback-compressor.js';
import { RegistryClient, RegistryClientError, type PushEvent } from '../../lib/index.js';
import { EmbeddedTransport } from '../../lib/embedded/embedded-transport.js';
import type { Descriptor } from '../../lib/oci/descriptor.js';
import { digestOf } from '../../lib/oci/digest.js';
import { noise } from '../support/content.js';
import { FakePrograms } from '../support/fake-programs.js';
import { imageTar } from '../support/image-tar.js';
import { layerOf } from '../support/tar-builder.js';

const LARGE = 1024 * 1024;

/** One that says who it is, or fails with what it was told. */
function compressor(name: string, packing: Compressor['packing'] = 'gzip') {
  return {
    packing,
    fault: undefined as Error | undefined,
    sizes: [] as number[],
    compress(source: Readable, size: number): Readable {
      this.sizes.push(size);
      const { fault } = this;
      return new Readable({
        read() {
          if (fault) return void this.destroy(fault);
          this.push(name);
          this.push(null);
        },
      });
    },
  };
}

function failure(code: string): RegistryClientError {
  return new RegistryClientError('it broke', { code });
}

describe('FallbackCompressor', () => {
  const heard: Error[] = [];
  afterEach(() => void heard.splice(0));

  function fallback(packing: Compressor['packing'] = 'gzip') {
    const [first, second] = [compressor('first', packing), compressor('second')];
    const both = new FallbackCompressor(first, second, (error) => heard.push(error));
    const by = async (size: number) => String(await buffer(both.compress(Readable.from([]), size)));
    return { first, second, both, by };
  }

  it.each(['gzip', 'zstd'] as const)('makes what the first one makes: %s', (packing) => {
    expect(fallback(packing).both.packing).toBe(packing);
  });

  it('gives large layers to the first one, and what is below 1 MiB to the second', async () => {
    const { first, second, by } = fallback();
    const sizes = [LARGE, LARGE - 1, 0, 10 * LARGE];
    const all = [];
    for (const size of sizes) all.push(await by(size));
    expect(all).toEqual(['first', 'second', 'second', 'first']);
    expect([first.sizes, second.sizes]).toEqual([
      [LARGE, 10 * LARGE],
      [LARGE - 1, 0],
    ]);
    expect(heard).toEqual([]);
  });

  it('gives everything to the second one once the first has failed', async () => {
    const { first, by } = fallback();
    first.fault = failure('COMPRESSOR_FAILED');
    await expect(by(LARGE)).rejects.toBe(first.fault);
    const fault = first.fault;
    first.fault = undefined;
    expect([await by(LARGE), await by(LARGE), await by(1)]).toEqual(['second', 'second', 'second']);
    expect(heard).toEqual([fault]);
  });

  it('tells of one failure, though several layers failed at once', async () => {
    const { first, both } = fallback();
    first.fault = failure('COMPRESSOR_FAILED');
    const streams = [1, 2, 3].map(() => both.compress(Readable.from([]), LARGE));
    await Promise.allSettled(streams.map((stream) => buffer(stream)));
    expect(heard).toEqual([first.fault]);
  });

  it.each([
    ['a broken archive', failure('ARCHIVE_INVALID')],
    ['a broken connection', new Error('ECONNRESET')],
    ['somebody else who says the same', Object.assign(new Error('no'), { code: 'COMPRESSOR_FAILED' })],
  ])('stays with the first one after %s', async (_, fault) => {
    const { first, by } = fallback();
    first.fault = fault;
    await expect(by(LARGE)).rejects.toBe(fault);
    first.fault = undefined;
    expect(await by(LARGE)).toBe('first');
    expect(heard).toEqual([]);
  });

  describe('in a push', () => {
    const programs: FakePrograms[] = [];
    afterEach(() => {
      for (const one of programs.splice(0)) one.remove();
    });

    it('packs the layers anew by the built-in gzip when igzip breaks, and says so once', async () => {
      const igzip = new FakePrograms({ alone: true });
      programs.push(igzip);
      igzip.add('igzip', "say('started'); process.stdout.write(Buffer.alloc(9)); process.exitCode = 3;");
      const image = imageTar({
        format: 'docker-25',
        layers: ['one', 'two', 'three'].map((name) => layerOf({ [name]: noise(LARGE, name) })),
      });
      const client = new RegistryClient({
        url: 'http://registry.test',
        transport: new EmbeddedTransport(),
        cache: false,
      });
      const events: PushEvent[] = [];
      const onProgress = (event: PushEvent): void => void events.push(event);
      const file = join(igzip.folder, 'image.tar');
      await writeFile(file, image.tar);
      await client.push(file, 'app:1', { onProgress });

      expect(events.filter(({ state }) => state === 'warning')).toEqual([
        { state: 'warning', message: expect.stringMatching(/built-in gzip, because .*igzip ended with 3\./) },
      ]);
      expect(igzip.log().length).toBeGreaterThan(0);
      const { layers } = JSON.parse(String((await client.getManifest('app', '1')).bytes)) as { layers: Descriptor[] };
      const stored = await Promise.all(layers.map(async (one) => buffer(await client.blobs.fetch('app', one))));
      expect(stored.map((blob) => digestOf(gunzipSync(blob)))).toEqual(image.layers.map(({ diffId }) => diffId));
      await client.close();
    });
  });
});
