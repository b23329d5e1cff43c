import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { imageTar } from '../support/image-tar.js';
import type { ImageFormat } from '../support/image-writers.js';
import { layerOf } from '../support/tar-builder.js';
import { essence, outcomeOf } from './outcome.js';

const FORMATS: readonly ImageFormat[] = ['docker-24', 'docker-25', 'docker-containerd', 'skopeo', 'oci-index', 'nix'];
const LAYERS = [layerOf({ one: 'x'.repeat(300) }), layerOf({ two: 'y' })];

/** The stretches of a tar that no digest covers: another name or another configuration is another valid archive. */
function uncovered(tar: Buffer): [number, number][] {
  const stretches: [number, number][] = [];
  for (let at = 0; at + 512 <= tar.length;) {
    const name = tar.toString('latin1', at, at + 100).split('\0', 1)[0]!;
    const size = Number.parseInt(tar.toString('latin1', at + 124, at + 135), 8) || 0;
    if (/\.json$|^blobs\/sha256\/|^repositories$/.test(name)) stretches.push([at + 512, at + 512 + size]);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return stretches;
}

describe.each(FORMATS)('an archive as of %s with some bytes changed', (format) => {
  const { tar } = imageTar({ format, layers: LAYERS });
  const anywhere = fc.array(fc.tuple(fc.nat(tar.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });

  function changed(changes: readonly (readonly [number, number])[]): Buffer {
    const bytes = Buffer.from(tar);
    for (const [at, value] of changes) bytes[at] = value;
    return bytes;
  }

  it('is the same, or refused, or another valid archive, and nothing else happens', async () => {
    await fc.assert(
      fc.asyncProperty(anywhere, async (changes) => {
        await outcomeOf(changed(changes));
      }),
      { seed: 30, numRuns: 300 },
    );
  });

  it('is the same or refused where the change is not in a text that says what the image is', async () => {
    const whole = await outcomeOf(tar);
    const texts = uncovered(tar);
    const outside = anywhere.filter((changes) =>
      changes.every(([at]) => !texts.some(([from, to]) => at >= from && at < to)),
    );
    await fc.assert(
      fc.asyncProperty(outside, async (changes) => {
        const outcome = await outcomeOf(changed(changes));
        if (outcome !== 'refused') expect(outcome).toEqual(whole);
      }),
      { seed: 31, numRuns: 300 },
    );
  });

  it('is the same or refused where pieces are cut out, doubled or swapped', async () => {
    const whole = essence(await outcomeOf(tar));
    const blocks = tar.length / 512;
    const piece = fc.tuple(fc.nat(blocks - 1), fc.integer({ min: 1, max: 6 }), fc.nat(blocks - 1), fc.boolean());
    await fc.assert(
      fc.asyncProperty(piece, async ([from, count, to, isMoved]) => {
        const part = tar.subarray(from * 512, (from + count) * 512);
        const rest = isMoved ? Buffer.concat([tar.subarray(0, from * 512), tar.subarray((from + count) * 512)]) : tar;
        const at = Math.min(to * 512, rest.length);
        const outcome = essence(await outcomeOf(Buffer.concat([rest.subarray(0, at), part, rest.subarray(at)])));
        if (outcome !== 'refused') expect(outcome).toEqual(whole);
      }),
      { seed: 32, numRuns: 300 },
    );
  });
});

describe('a packed archive with some bytes changed', () => {
  const { tar } = imageTar({ format: 'crane', layers: LAYERS, outer: 'gzip' });

  it('is the same or refused, because its checksum covers everything', async () => {
    const whole = await outcomeOf(tar);
    const change = fc.array(fc.tuple(fc.nat(tar.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(change, async (changes) => {
        const bytes = Buffer.from(tar);
        for (const [at, value] of changes) bytes[at] = value;
        const outcome = await outcomeOf(bytes);
        if (outcome !== 'refused') expect(outcome).toEqual(whole);
      }),
      { seed: 33, numRuns: 300 },
    );
  });
});
