import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createUnpacker } from '../compression/sniff.js';
import type { ArchiveProblem } from '../errors.js';
import { TarReadError, ValidationError } from '../errors.js';
import { algorithmOf, Digester } from '../oci/digest.js';
import type { ArchiveLayer } from './archive-image.js';
import { invalid } from './tar-index.js';

/**
 * Hashes the plain form of a layer while its stored bytes pass by somewhere else: feed it every chunk, then wait for
 * `finish`, which fails unless the result is the layer's diff_id.
 */
export class DiffIdCheck {
  private readonly plain = new Digester();
  private readonly unpacker: ReturnType<typeof createUnpacker>;
  private readonly unpacked: Promise<void> | undefined;
  private failure: Error | undefined;

  /** @throws ValidationError when this Node cannot unpack the layer. */
  constructor(private readonly layer: ArchiveLayer) {
    if (layer.packing === 'none') return;
    this.unpacker = createUnpacker(layer.packing);
    if (!this.unpacker)
      throw invalid(layer.entry, `is packed with ${layer.packing}, which needs Node 22.15 to be checked`);
    this.unpacked = this.drain(this.unpacker);
  }

  /** Resolves when more may be fed. */
  async update(chunk: Buffer): Promise<void> {
    if (!this.unpacker) {
      this.plain.update(chunk);
      return;
    }
    if (this.failure) throw this.failure;
    if (!this.unpacker.write(chunk)) await Promise.race([onceDrained(this.unpacker), this.unpacked]);
  }

  /** @throws ValidationError naming the entry when the content is damaged or not the one the config names. */
  async finish(): Promise<void> {
    this.unpacker?.end();
    await this.unpacked;
    if (this.failure) throw this.failure;
    const actual = this.plain.digest();
    if (actual === this.layer.diffId) return;
    throw invalid(this.layer.entry, `has the diff_id ${actual}, but the config says ${this.layer.diffId}`);
  }

  /** Stops when the rest will not come. */
  destroy(): void {
    this.unpacker?.destroy();
  }

  private async drain(unpacker: Readable): Promise<void> {
    try {
      for await (const chunk of unpacker) this.plain.update(chunk as Buffer);
    } catch (cause) {
      this.failure = invalid(this.layer.entry, `cannot be unpacked (${(cause as Error).message})`);
    }
  }
}

/** Reads a whole layer and returns what is wrong with it: its digest, its diff_id, or its packing. */
export async function verifyLayer(layer: ArchiveLayer, signal?: AbortSignal): Promise<readonly ArchiveProblem[]> {
  try {
    await readThrough(layer, signal);
    return [];
  } catch (error) {
    if (error instanceof ValidationError) return error.problems;
    if (error instanceof TarReadError) return [{ entry: layer.entry, message: error.message }];
    throw error;
  }
}

async function readThrough(layer: ArchiveLayer, signal?: AbortSignal): Promise<void> {
  const check = layer.diffId === undefined ? undefined : new DiffIdCheck(layer);
  const stored = layer.descriptor && new Digester(algorithmOf(layer.descriptor.digest));
  await pipeline(
    layer.open(),
    async (source: AsyncIterable<Buffer>) => {
      for await (const chunk of source) {
        stored?.update(chunk);
        await check?.update(chunk);
      }
    },
    { signal },
  );
  const digest = stored?.digest();
  if (digest !== layer.descriptor?.digest) throw invalid(layer.entry, `has the digest ${digest}`);
  await check?.finish();
}

function onceDrained(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => stream.once('drain', resolve));
}
