import type { Readable } from 'node:stream';
import { RegistryClientError } from '../errors.js';
import type { Compressor } from './compressor.js';

/** Below this, starting a program takes longer than packing the layer here. */
const SMALL = 1024 * 1024;

/** Compresses large layers by one compressor until it fails, and by another one from then on, and what is small always. */
export class FallbackCompressor implements Compressor {
  private hasFailed = false;

  /** @param onFailure - hears of the first failure */
  constructor(
    private readonly first: Compressor,
    private readonly second: Compressor,
    private readonly onFailure: (error: Error) => void,
  ) {}

  get packing(): Compressor['packing'] {
    return this.first.packing;
  }

  compress(source: Readable, size: number): Readable {
    if (this.hasFailed || size < SMALL) return this.second.compress(source, size);
    const packed = this.first.compress(source, size);
    packed.once('error', (error) => this.noteFailure(error));
    return packed;
  }

  /** A broken archive or a broken connection is not the compressor's fault. */
  private noteFailure(error: Error): void {
    if (!RegistryClientError.is(error) || error.code !== 'COMPRESSOR_FAILED' || this.hasFailed) return;
    this.hasFailed = true;
    this.onFailure(error);
  }
}
