import { describe, expect, it } from '@jest/globals';
import { TarArchive } from '../../lib/archive/tar-archive.js';
import { TarReadError, ValidationError } from '../../lib/errors.js';
import { imageTar } from '../support/image-tar.js';
import { type ImageFormat, WRITERS } from '../support/image-writers.js';
import { layerOf } from '../support/tar-builder.js';
import { essence, outcomeOf } from './outcome.js';
import { errorOf, withFile } from './reading.js';

const BLOCK = 512;
const END = 2 * BLOCK;
const LAYERS = [layerOf({ one: 'x'.repeat(700) }), layerOf({ two: 'y' })];

/** In these nothing follows what the images need, so that every cut before the end hurts. */
const NOTHING_BEHIND: readonly ImageFormat[] = ['crane', 'nix', 'jib'];

function cuts(length: number, step: number): number[] {
  return Array.from({ length: Math.ceil(length / step) }, (_, i) => i * step);
}

describe.each(Object.keys(WRITERS) as ImageFormat[])('an archive as of %s that ends early', (format) => {
  const { tar } = imageTar({ format, layers: LAYERS });
  const content = tar.length - END;

  it('is refused, or what it needs is there: at every block, and beside it', async () => {
    const whole = essence(await outcomeOf(tar));
    expect(whole).not.toBe('refused');
    for (const cut of cuts(content, BLOCK)) {
      for (const at of [cut, cut + 1, cut + 511]) {
        const outcome = essence(await outcomeOf(tar.subarray(0, at)));
        if (outcome !== 'refused') expect([at, outcome]).toEqual([at, whole]);
      }
    }
  });

  it('is not refused for want of the blocks of zeros alone', async () => {
    const whole = await outcomeOf(tar);
    for (const at of [content, content + BLOCK]) expect(await outcomeOf(tar.subarray(0, at))).toEqual(whole);
  });
});

describe.each(NOTHING_BEHIND)('an archive as of %s that ends early', (format) => {
  const { tar } = imageTar({ format, layers: LAYERS });

  it('is refused at every block', async () => {
    for (const at of cuts(tar.length - END, BLOCK))
      expect([at, await outcomeOf(tar.subarray(0, at))]).toEqual([at, 'refused']);
  });

  it('is refused at every few bytes when it is packed whole', async () => {
    const packed = imageTar({ format, layers: LAYERS, outer: 'gzip' }).tar;
    const last = Array.from({ length: 40 }, (_, i) => packed.length - 1 - i);
    for (const at of [...cuts(packed.length, 17), ...last]) {
      expect([at, await outcomeOf(packed.subarray(0, at))]).toEqual([at, 'refused']);
    }
  });
});

describe('a file that ends early', () => {
  it('is told by its name, and by the entry it ends in', async () => {
    const { tar, entries } = imageTar({ format: 'skopeo', layers: LAYERS });
    await withFile(tar.subarray(0, 1000), async (path) => {
      const error = await errorOf(TarArchive.open(path));
      expect(error).toBeInstanceOf(TarReadError);
      expect(error.message).toMatch(`${path} is cut short inside ${entries[0]!.name}. Save the image again`);
    });
  });

  it('is told by what is missing where it ends between two entries', async () => {
    const { tar, config } = imageTar({ format: 'crane', layers: LAYERS });
    const second = BLOCK + Math.ceil(config.length / BLOCK) * BLOCK;
    await withFile(tar.subarray(0, second), async (path) => {
      const archive = await TarArchive.open(path);
      const error = await errorOf(() => archive.images);
      expect(error).toBeInstanceOf(ValidationError);
      expect(error.message).toContain(`${path} is not a valid image archive: manifest.json is not in the archive`);
      await archive.close();
    });
  });
});
