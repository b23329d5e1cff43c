import type { Readable } from 'node:stream';
import type { ArchiveProblem } from '../errors.js';
import { TarReadError, ValidationError } from '../errors.js';
import { algorithmOf, Digester } from '../oci/digest.js';
import type { ArchiveLayer } from './archive-image.js';
import { PlainDigest } from './plain-digest.js';
import { invalid } from './problems.js';

/** Feed it every chunk of a layer, then wait for `finish`, which fails unless its plain form has the layer's diff_id. */
export class DiffIdCheck {
  private readonly plain: PlainDigest;

  /** @throws ValidationError when this Node cannot unpack the layer. */
  constructor(private readonly layer: ArchiveLayer) {
    const { packing, entry, diffId } = layer;
    this.plain = new PlainDigest(entry, packing, diffId === undefined ? 'sha256' : algorithmOf(diffId));
  }

  /** Resolves when more may be fed. @throws ValidationError when the content is damaged. */
  update(chunk: Buffer): Promise<void> {
    return this.plain.update(chunk);
  }

  /** @throws ValidationError naming the entry when the content is damaged or not the one the config names. */
  async finish(): Promise<void> {
    const actual = await this.plain.digest();
    if (actual !== this.layer.diffId) throw wrongDiffId(this.layer.entry, actual, this.layer.diffId);
  }

  /** Stops when the rest will not come. */
  destroy(): void {
    this.plain.destroy();
  }
}

/** The content of a layer is not the one its config names. */
export function wrongDiffId(entry: string, actual: string, expected: string | undefined): ValidationError {
  return invalid(entry, `has the diff_id ${actual}, but the config says ${expected}`);
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
