import { InvalidArgumentError } from '../errors.js';
import type { Compressor } from './compressor.js';
import { GzipCompressor } from './gzip-compressor.js';

/**
 * What packs plain layers.
 * @param cores - shared by everything that compresses at the same time
 * @returns undefined to leave them plain
 * @throws InvalidArgumentError for anything but `gzip` and `none`
 */
export function compressorFor(
  compression: string,
  cores: ConstructorParameters<typeof GzipCompressor>[0],
): Compressor | undefined {
  if (compression === 'gzip') return new GzipCompressor(cores);
  if (compression === 'none') return undefined;
  throw new InvalidArgumentError(`the option compression is "${compression}"`, {
    hint: "It takes 'gzip' or 'none'.",
  });
}
