import type { Readable } from 'node:stream';
import type { Packing } from '../compression/sniff.js';
import { createUnpacker, type Unpacker, unpackingHint } from '../compression/unpacker.js';
import type { ValidationError } from '../errors.js';
import { type DigestAlgorithm, Digester } from '../oci/digest.js';
import { printable } from '../redact.js';
import { invalid } from './problems.js';

/** Hashes the plain form of a layer while its stored bytes pass by somewhere else: feed it every chunk, then ask. */
export class PlainDigest {
  private readonly plain: Digester;
  private readonly unpacker: Unpacker | undefined;
  private readonly unpacked: Promise<void> = Promise.resolve();
  private failure: ValidationError | undefined;

  /**
   * @param entry - name of the layer in the archive, for messages
   * @throws ValidationError when this Node cannot unpack the layer
   */
  constructor(
    private readonly entry: string,
    packing: Packing,
    algorithm: DigestAlgorithm = 'sha256',
  ) {
    this.plain = new Digester(algorithm);
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

  /** Ends the computation. @throws ValidationError when the content is damaged. */
  async digest(): Promise<string> {
    this.unpacker?.input.end();
    await this.unpacked;
    if (this.failure) throw this.failure;
    return this.plain.digest();
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
      this.failure = invalid(this.entry, `cannot be unpacked (${printable((cause as Error).message, 200)})`);
    }
  }
}
