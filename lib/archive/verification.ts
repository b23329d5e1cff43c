import type { Readable } from 'node:stream';
import { createUnpacker, type Unpacker, unpackingHint } from '../compression/unpacker.js';
import type { ArchiveProblem } from '../errors.js';
import { TarReadError, ValidationError } from '../errors.js';
import { algorithmOf, Digester } from '../oci/digest.js';
import { printable } from '../redact.js';
import type { ArchiveLayer } from './archive-image.js';
import { invalid } from './problems.js';

/**
 * Hashes the plain form of a layer while its stored bytes pass by somewhere else: feed it every chunk, then wait for
 * `finish`, which fails unless the result is the layer's diff_id.
 */
export class DiffIdCheck {
  private readonly plain: Digester;
  private readonly unpacker: Unpacker | undefined;
  private readonly unpacked: Promise<void> = Promise.resolve();
  private failure: ValidationError | undefined;

  /** @throws ValidationError when this Node cannot unpack the layer. */
  constructor(private readonly layer: ArchiveLayer) {
    const { packing, entry, diffId } = layer;
    this.plain = new Digester(diffId === undefined ? 'sha256' : algorithmOf(diffId));
    if (packing === 'none') return;
    this.unpacker = createUnpacker(packing);
    if (!this.unpacker) {
      throw invalid(
        entry,
        `is packed with ${packing}, so its diff_id cannot be checked here. ${unpackingHint(packing)}`,
      );
    }
    this.unpacked = this.drain(this.unpacker.output);
  }

  /** Resolves when more may be fed. @throws ValidationError when the content is damaged. */
  async update(chunk: Buffer): Promise<void> {
    if (this.failure) throw this.failure;
    if (this.unpacker) await this.unpack(this.unpacker, chunk);
    else this.plain.update(chunk);
  }

  /** @throws ValidationError naming the entry when the content is damaged or not the one the config names. */
  async finish(): Promise<void> {
    this.unpacker?.input.end();
    await this.unpacked;
    if (this.failure) throw this.failure;
    const actual = this.plain.digest();
    if (actual === this.layer.diffId) return;
    throw invalid(this.layer.entry, `has the diff_id ${actual}, but the config says ${this.layer.diffId}`);
  }

  /** Stops when the rest will not come. */
  destroy(): void {
    this.unpacker?.output.destroy();
  }

  /** Behind the end of packed content, where some pad with zeros, nothing is taken any more, and `drain` never comes. */
  private async unpack({ input }: Unpacker, chunk: Buffer): Promise<void> {
    if (input.write(chunk)) return;
    let resume = (): void => undefined;
    const drained = new Promise<void>((resolve) => (resume = resolve));
    input.once('drain', resume);
    await Promise.race([drained, this.unpacked]);
    input.off('drain', resume);
  }

  private async drain(unpacked: Readable): Promise<void> {
    try {
      for await (const chunk of unpacked) this.plain.update(chunk as Buffer);
    } catch (cause) {
      this.failure = invalid(this.layer.entry, `cannot be unpacked (${printable((cause as Error).message, 200)})`);
    }
  }
}

/**
 * Reads a whole layer and returns what is wrong with it: its digest, its diff_id, or its packing.
 * Rejects with `signal.reason` when that aborts.
 */
export async function verifyLayer(layer: ArchiveLayer, signal?: AbortSignal): Promise<readonly ArchiveProblem[]> {
  const content = layer.open();
  const stop = (): void => void content.destroy();
  signal?.addEventListener('abort', stop);
  try {
    signal?.throwIfAborted();
    await checkContent(layer, content);
    return [];
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof ValidationError) return error.problems;
    if (error instanceof TarReadError) return invalid(layer.entry, error.message).problems;
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
    content.destroy();
  }
}

async function checkContent(layer: ArchiveLayer, content: Readable): Promise<void> {
  const check = layer.diffId === undefined ? undefined : new DiffIdCheck(layer);
  const stored = layer.descriptor && new Digester(algorithmOf(layer.descriptor.digest));
  try {
    for await (const chunk of content as AsyncIterable<Buffer>) {
      stored?.update(chunk);
      await check?.update(chunk);
    }
    const digest = stored?.digest();
    if (digest !== layer.descriptor?.digest)
      throw invalid(layer.entry, `has the digest ${digest}, which is not its name`);
    await check?.finish();
  } finally {
    check?.destroy();
  }
}
