import { InvalidArgumentError } from '../errors.js';
import { printable } from '../redact.js';
import type { Compressor } from './compressor.js';
import { ExternalGzip } from './external-gzip.js';
import { FallbackCompressor } from './fallback-compressor.js';
import { GzipCompressor } from './gzip-compressor.js';
import { findGzipProgram, type GzipProgram, type GzipProgramName } from './gzip-programs.js';
import { ZstdCompressor } from './zstd-compressor.js';

export type Compression = 'gzip' | 'zstd' | 'none';
export type CompressorName = 'auto' | 'builtin' | GzipProgramName;

/** How layers that are plain in the archive are pushed. */
export interface CompressionOptions {
  compression?: Compression | undefined;
  compressor?: CompressorName | Compressor | undefined;
}

export interface CompressorContext {
  /** Hears what the user should know. */
  warn: (message: string) => void;
  /** Receives one line about what is used. */
  log: ((line: string) => void) | undefined;
}

const COMPRESSIONS: readonly unknown[] = ['gzip', 'zstd', 'none'];
const NAMES: readonly unknown[] = ['auto', 'builtin', 'igzip', 'pigz'];

/**
 * What packs plain layers.
 * @returns undefined to leave them plain
 * @throws InvalidArgumentError for what is unknown, does not go together, or is not there
 */
export function compressorFor(options: CompressionOptions, context: CompressorContext): Compressor | undefined {
  const { compressor = 'auto' } = options;
  if (typeof compressor !== 'string') return usersOwn(compressor, options.compression);
  const { compression = 'gzip' } = options;
  assertOneOf('compression', compression, COMPRESSIONS);
  assertOneOf('compressor', compressor, NAMES);
  if (compression === 'gzip') return gzip(compressor, context);
  if (compressor !== 'auto' && compressor !== 'builtin') throw conflict(compressor, 'gzip', compression);
  return compression === 'zstd' ? new ZstdCompressor() : undefined;
}

function usersOwn(compressor: Compressor, compression: Compression | undefined): Compressor {
  const { packing, compress } = (compressor ?? {}) as Partial<Compressor>;
  if (typeof compress !== 'function' || (packing !== 'gzip' && packing !== 'zstd')) {
    throw new InvalidArgumentError(
      "the option compressor has no method compress, or its packing is not 'gzip' or 'zstd'",
      {
        hint: 'Give an instance, not a class.',
      },
    );
  }
  if (compression !== undefined && compression !== packing) throw conflict('the compressor', packing, compression);
  return compressor;
}

function gzip(name: CompressorName, { warn, log }: CompressorContext): Compressor {
  const builtin = new GzipCompressor();
  const program = programFor(name);
  log?.(`plain layers are compressed by ${program?.path ?? 'the built-in gzip'}`);
  if (program === undefined) return builtin;
  return new FallbackCompressor(new ExternalGzip(program), builtin, ({ message }) =>
    warn(`compressing with the built-in gzip, because ${message}`),
  );
}

/** pigz takes twice as long as what is built in, so it is for those who ask for it. */
function programFor(name: CompressorName): GzipProgram | undefined {
  if (name === 'builtin') return undefined;
  return name === 'auto' ? findGzipProgram('igzip') : chosenProgram(name);
}

function chosenProgram(name: GzipProgramName): GzipProgram {
  const program = findGzipProgram(name);
  if (program) return program;
  throw new InvalidArgumentError(`${name} is not on the PATH`, {
    code: 'COMPRESSOR_NOT_FOUND',
    hint: "Install it, or take 'auto' or 'builtin'.",
  });
}

function assertOneOf(option: string, value: unknown, allowed: readonly unknown[]): void {
  if (allowed.includes(value)) return;
  throw new InvalidArgumentError(`the option ${option} is "${printable(String(value), 100)}"`, {
    hint: `It takes ${allowed.map((one) => `'${String(one)}'`).join(', ')}.`,
  });
}

function conflict(compressor: string, packing: string, compression: string): InvalidArgumentError {
  return new InvalidArgumentError(
    `${compressor} makes ${packing}, but the option compression is "${printable(compression, 100)}"`,
  );
}
