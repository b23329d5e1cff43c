import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readFile } from 'node:fs/promises';
import { noise } from '../support/content.js';
import { type PushOutcome, pushHostile } from '../support/hostile-push.js';
import { imageTar } from '../support/image-tar.js';
import type { ImageFormat } from '../support/image-writers.js';
import { layerOf } from '../support/tar-builder.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

/*
 * Bytes nobody wrote on purpose, pushed as a file and as a stream: each comes to a whole image or a typed error that can be
 * printed, in time, and what is refused leaves no tag. HOSTILE_RUNS=1000 tries more than this sample.
 */

const BLOCK = 512;
const RUNS = Number(process.env.HOSTILE_RUNS ?? 10);
const isSample = process.env.HOSTILE_RUNS === undefined;
const SEED = 20261121;
const FORMATS: readonly ImageFormat[] = ['docker-25', 'nix'];
const LAYERS = [layerOf({ one: 'x'.repeat(300) }), layerOf({ two: 'y' })];
/** The first one is sent while it passes, the others are kept until the end. */
const WITH_A_LARGE_ONE = [layerOf({ big: noise(1_100_000, 'big') }), layerOf({ two: 'y' })];

/** Position and length of every field. Source: POSIX.1-2017 pax, "ustar Interchange Format". */
const FIELDS: Readonly<Record<string, readonly [number, number]>> = {
  ...{ name: [0, 100], mode: [100, 8], uid: [108, 8], gid: [116, 8], size: [124, 12], mtime: [136, 12] },
  ...{ type: [156, 1], link: [157, 100], magic: [257, 8], user: [265, 32], group: [297, 32], prefix: [345, 155] },
};
const FILLS = [0x00, 0x20, 0x37, 0x80, 0xff];

function headersOf(tar: Buffer): number[] {
  const found: number[] = [];
  for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0;) {
    found.push(at);
    const size = Number.parseInt(tar.toString('latin1', at + 124, at + 135), 8) || 0;
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return found;
}

/** With a checksum that is right again, so that the field itself is what is judged. */
function withField(tar: Buffer, header: number, [at, length]: readonly [number, number], fill: number): Buffer {
  const bytes = Buffer.from(tar);
  const block = bytes.subarray(header, header + BLOCK);
  block.fill(fill, at, at + length);
  block.fill(' ', 148, 156);
  block.write(
    `${block
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
    'latin1',
  );
  return bytes;
}

function withBytes(tar: Buffer, changes: readonly (readonly [number, number])[]): Buffer {
  const bytes = Buffer.from(tar);
  for (const [at, value] of changes) bytes[at] = value;
  return bytes;
}

function isRefused(outcome: PushOutcome): boolean {
  return typeof outcome === 'string';
}

describe('pushing hostile bytes', () => {
  const folders = new TemporaryFolders();
  let folder: string;

  beforeAll(async () => {
    folder = await folders.make();
  });

  afterAll(() => folders.remove());

  function somewhere(length: number): fc.Arbitrary<[number, number][]> {
    return fc.array(fc.tuple(fc.nat(length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
  }

  describe.each(FORMATS)('an archive as of %s', (format) => {
    const { tar } = imageTar({ format, layers: LAYERS });

    it('that ends at any block is whole or refused', async () => {
      const whole = await pushHostile(tar, folder);
      expect([isRefused(whole.file), isRefused(whole.stream)]).toEqual([false, false]);
      for (let at = 0; at < tar.length; at += BLOCK) {
        const { file, stream } = await pushHostile(tar.subarray(0, at), folder);
        // `manifest.json` and `index.json` may each stand alone: the layers are the same then, or it is refused.
        expect([at, isRefused(file)]).toEqual([at, isRefused(stream)]);
      }
    });

    it('with any bytes changed is whole or refused', async () => {
      await fc.assert(
        fc.asyncProperty(somewhere(tar.length), async (changes) => {
          await pushHostile(withBytes(tar, changes), folder);
        }),
        { seed: SEED, numRuns: RUNS },
      );
    });
  });

  it('with any field of any header overwritten is whole or refused', async () => {
    const { tar } = imageTar({ format: 'crane', layers: LAYERS });
    const headers = headersOf(tar);
    expect(headers).toHaveLength(4);
    const fields = headers.flatMap((header) => Object.values(FIELDS).map((field) => ({ header, field })));
    for (const [i, { header, field }] of fields.entries()) {
      // One of the fillings in the sample, all of them otherwise.
      const fills = isSample ? [FILLS[i % FILLS.length] ?? 0] : FILLS;
      for (const fill of fills) await pushHostile(withField(tar, header, field, fill), folder);
    }
  });

  it('with a layer that passes before it is known is whole or refused', async () => {
    const { tar } = imageTar({ format: 'skopeo', layers: WITH_A_LARGE_ONE });
    const layer = headersOf(tar).find((at) => tar.toString('latin1', at + BLOCK, at + BLOCK + 3) === 'big') ?? 0;
    // Of the first header in the layer: that is what it is known by.
    for (const field of Object.values(FIELDS)) await pushHostile(withField(tar, layer + BLOCK, field, 0x80), folder);
    for (const at of [1, BLOCK, 600_000, 1_100_000]) {
      const { file, stream } = await pushHostile(tar.subarray(0, layer + BLOCK + at), folder);
      expect([file, stream]).toEqual(['TarReadError', 'TarReadError']);
    }
  });

  it('with bytes of a real archive changed is whole or refused', async () => {
    const tar = await readFile('spec/fixtures/docker-20.10-multi-image.tar');
    await fc.assert(
      fc.asyncProperty(somewhere(tar.length), async (changes) => {
        await pushHostile(withBytes(tar, changes), folder);
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });
});
