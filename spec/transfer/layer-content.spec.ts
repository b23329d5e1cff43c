import { describe, expect, it, jest } from '@jest/globals';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { ArchiveLayer } from '../../lib/archive/archive-image.js';
import { DiffIdCheck } from '../../lib/archive/verification.js';
import { GzipCompressor } from '../../lib/compression/gzip-compressor.js';
import { ValidationError } from '../../lib/errors.js';
import { digestOf } from '../../lib/oci/digest.js';
import { configContent, type Content, layerContent } from '../../lib/transfer/layer-content.js';
import type { BlobContent, StreamedContent } from '../../lib/services/blob-service.js';
import { configOf, gzipLayer, layerOf, ociLayer, plainLayer } from './archive-model.js';

/** Said to be, so that it is packed while it is sent. */
const LARGE = 1024 * 1024;
const PLAIN = 'what is in the layer '.repeat(400);
const OTHER = digestOf('something else');
const gzip = new GzipCompressor();
const never = new AbortController().signal;

async function prepared(content: Content, read: number[] = []): Promise<BlobContent> {
  return (await content.prepare((bytes) => read.push(bytes), never)) as BlobContent;
}

async function streamed(content: Content, read: number[] = []): Promise<StreamedContent> {
  return (await content.prepare((bytes) => read.push(bytes), never)) as StreamedContent;
}

async function bytesOf(content: BlobContent | StreamedContent): Promise<Buffer> {
  return buffer(await content.open());
}

function total(read: readonly number[]): number {
  return read.reduce((sum, bytes) => sum + bytes, 0);
}

async function failureOf(work: Promise<unknown>): Promise<ValidationError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ValidationError);
  return error as ValidationError;
}

/** A layer over a stream that the spec holds in its hands. */
function held(layer: ArchiveLayer): { source: PassThrough; layer: ArchiveLayer } {
  const source = new PassThrough();
  return { source, layer: { ...layer, open: () => source } };
}

describe('configContent', () => {
  const config = configOf({ architecture: 'amd64' });
  const content = configContent(config, 'application/config');

  it('is named by its digest, needs no compressor, and comes before everything in an archive', () => {
    expect(content).toEqual({
      prepare: expect.any(Function),
      key: config.digest,
      diffId: undefined,
      entry: config.entry,
      size: config.bytes.length,
      position: -1,
      packing: 'none',
      compresses: false,
    });
  });

  it('is described by its exact bytes, which can be opened again and again', async () => {
    const blob = await prepared(content);
    expect(blob.descriptor).toEqual({
      mediaType: 'application/config',
      digest: config.digest,
      size: config.bytes.length,
    });
    expect(await bytesOf(blob)).toEqual(config.bytes);
    expect(await bytesOf(blob)).toEqual(config.bytes);
  });
});

describe('layerContent', () => {
  describe('of a layer that the archive describes', () => {
    const layer = ociLayer(PLAIN, { position: 512 });

    it('is pushed byte for byte under its digest, whatever the compressor', async () => {
      for (const content of [layerContent(layer, gzip), layerContent(layer, undefined)]) {
        expect(content).toMatchObject({ key: layer.descriptor!.digest, packing: 'gzip', compresses: false });
        expect(content).toMatchObject({ entry: layer.entry, size: layer.size, position: 512 });
        const blob = await prepared(content);
        expect(blob.descriptor).toEqual(layer.descriptor);
        expect(gunzipSync(await bytesOf(blob)).toString()).toBe(PLAIN);
      }
    });

    it('is not read before it is sent', async () => {
      const open = jest.fn(() => layer.open());
      await prepared(layerContent({ ...layer, open }, undefined));
      expect(open).not.toHaveBeenCalled();
    });

    it('counts the bytes taken from the archive', async () => {
      const read: number[] = [];
      await bytesOf(await prepared(layerContent(layer, undefined), read));
      expect(total(read)).toBe(layer.size);
    });

    it('fails instead of ending when it does not have the diff_id of the config, and names the entry', async () => {
      const blob = await prepared(layerContent({ ...layer, diffId: OTHER }, undefined));
      const error = await failureOf(bytesOf(blob));
      expect(error.message).toContain(`has the diff_id ${digestOf(PLAIN)}, but the config says ${OTHER}`);
      expect(error.problems).toEqual([{ entry: layer.entry, message: expect.stringContaining('diff_id') }]);
    });

    it('fails when it cannot be unpacked', async () => {
      const broken = layerOf(PLAIN, Buffer.concat([gzipSync(PLAIN).subarray(0, 40), Buffer.from('damage')]), {
        packing: 'gzip',
        descriptor: layer.descriptor!,
      });
      const error = await failureOf(bytesOf(await prepared(layerContent(broken, undefined))));
      expect(error.message).toContain(`${layer.entry} cannot be unpacked`);
    });

    describe('of an artifact, without a diff_id', () => {
      const { diffId: _diffId, ...artifact } = ociLayer(PLAIN);

      it('is pushed like any other', async () => {
        const blob = await prepared(layerContent(artifact, undefined));
        expect(digestOf(await bytesOf(blob))).toBe(artifact.descriptor!.digest);
      });

      it('fails instead of ending when it is not what its manifest says, and names the entry', async () => {
        const damaged = { ...artifact, open: () => Readable.from([Buffer.from('damage')], { objectMode: false }) };
        const error = await failureOf(bytesOf(await prepared(layerContent(damaged, undefined))));
        expect(error.message).toBe(
          `${artifact.entry} has the digest ${digestOf('damage')}, but its manifest says ${artifact.descriptor!.digest}`,
        );
      });
    });
  });

  describe('of a plain layer that is pushed as it is', () => {
    const layer = plainLayer(PLAIN);

    it('is known by its diff_id', async () => {
      const content = layerContent(layer, undefined);
      const blob = await prepared(content);
      expect(content).toMatchObject({ key: layer.diffId, packing: 'none', compresses: false });
      expect(blob.descriptor).toEqual({
        mediaType: 'application/vnd.docker.image.rootfs.diff.tar',
        digest: digestOf(PLAIN),
        size: PLAIN.length,
      });
      expect((await bytesOf(blob)).toString()).toBe(PLAIN);
    });

    it('fails instead of ending when it is another layer', async () => {
      const wrong = layerOf('what the config names', Buffer.from(PLAIN));
      const error = await failureOf(bytesOf(await prepared(layerContent(wrong, undefined))));
      expect(error.message).toContain(wrong.entry);
    });
  });

  describe('of a plain layer that is compressed', () => {
    const layer = plainLayer(PLAIN, { size: LARGE });

    it('has no digest before it is sent, and the same bytes at every opening', async () => {
      const content = layerContent(layer, gzip);
      const blob = await streamed(content);
      expect(content).toMatchObject({ key: `${layer.diffId} as gzip`, packing: 'gzip', compresses: true });
      expect('descriptor' in blob).toBe(false);
      const [first, second] = [await bytesOf(blob), await bytesOf(blob)];
      expect(gunzipSync(first).toString()).toBe(PLAIN);
      expect(second).toEqual(first);
    });

    it('counts the plain bytes, at every opening', async () => {
      const read: number[] = [];
      const blob = await streamed(layerContent(layer, gzip), read);
      await bytesOf(blob);
      await bytesOf(blob);
      expect(total(read)).toBe(2 * PLAIN.length);
    });

    it('fails instead of ending when it does not have the diff_id of the config', async () => {
      const blob = await streamed(layerContent({ ...layer, diffId: OTHER }, gzip));
      const error = await failureOf(bytesOf(blob));
      expect(error.problems[0]!.entry).toBe(layer.entry);
    });

    it('fails with the error of the archive', async () => {
      const { source, layer: open } = held(layer);
      const reading = bytesOf(await streamed(layerContent(open, gzip)));
      source.destroy(new Error('the disk is gone'));
      await expect(reading).rejects.toThrow('the disk is gone');
    });
  });

  describe('of a small plain layer that is compressed', () => {
    const layer = plainLayer(PLAIN);

    it('is packed before it is sent, so that its digest is known, and read once', async () => {
      const read: number[] = [];
      const blob = await prepared(layerContent(layer, gzip), read);
      const [first, second] = [await bytesOf(blob), await bytesOf(blob)];
      expect(gunzipSync(first).toString()).toBe(PLAIN);
      expect(second).toEqual(first);
      expect(blob.descriptor).toMatchObject({ digest: digestOf(first), size: first.length });
      expect(total(read)).toBe(PLAIN.length);
    });

    it('is refused before anything is sent when it does not have the diff_id of the config', async () => {
      const error = await failureOf(prepared(layerContent({ ...layer, diffId: OTHER }, gzip)));
      expect(error.problems[0]!.entry).toBe(layer.entry);
    });
  });

  describe('of a packed layer of docker save', () => {
    const layer = gzipLayer(PLAIN, { position: 1024 });

    it('is read once before it is sent, to find out its digest', async () => {
      const read: number[] = [];
      const content = layerContent(layer, gzip);
      const blob = await prepared(content, read);
      expect(content).toMatchObject({ key: 'at 1024', packing: 'gzip', compresses: false });
      expect(blob.descriptor).toMatchObject({ digest: digestOf(gzipSync(PLAIN)), size: layer.size });
      expect(total(read)).toBe(layer.size);
    });

    it('does not count the bytes again while it is sent', async () => {
      const read: number[] = [];
      const blob = await prepared(layerContent(layer, undefined), read);
      expect(gunzipSync(await bytesOf(blob)).toString()).toBe(PLAIN);
      expect(total(read)).toBe(layer.size);
    });

    it('is refused before anything is sent when it does not have the diff_id of the config', async () => {
      const error = await failureOf(prepared(layerContent({ ...layer, diffId: OTHER }, gzip)));
      expect(error.problems).toEqual([{ entry: layer.entry, message: expect.stringContaining(OTHER) }]);
    });

    it('stops reading when it is cancelled', async () => {
      const cancelled = new AbortController();
      const sources: Readable[] = [];
      const open = () => sources[sources.push(layer.open()) - 1]!;
      const reading = layerContent({ ...layer, open }, gzip).prepare(
        () => cancelled.abort(new Error('enough')),
        cancelled.signal,
      );
      await expect(reading).rejects.toThrow('enough');
      expect(sources.map(({ destroyed }) => destroyed)).toEqual([true]);
    });
  });

  describe.each([
    ['described', ociLayer(PLAIN), undefined],
    ['plain', plainLayer(PLAIN), undefined],
    ['compressed', plainLayer(PLAIN, { size: LARGE }), gzip],
  ] as const)('of a %s layer, when its reader leaves early', (_, layer, compressor) => {
    it('closes the archive and what unpacks it', async () => {
      const destroy = jest.spyOn(DiffIdCheck.prototype, 'destroy');
      const { source, layer: open } = held(layer);
      const stream = await (await layerContent(open, compressor).prepare(() => undefined, never)).open();
      stream.on('error', () => undefined);
      stream.resume();
      stream.destroy();
      await new Promise((resolve) => stream.once('close', resolve));
      expect(source.destroyed).toBe(true);
      expect(destroy).toHaveBeenCalledTimes(1);
      destroy.mockRestore();
    });
  });
});
