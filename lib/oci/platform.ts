import { InvalidArgumentError } from '../errors.js';
import { printable } from '../redact.js';

/**
 * Whom an image is for. Source: image-spec v1.1, `platform` in
 * [image-index.md](https://github.com/opencontainers/image-spec/blob/v1.1.0/image-index.md).
 */
export interface Platform {
  /** As Go names it: `linux`, `windows`, …. */
  os: string;
  /** As Go names it: `amd64`, `arm64`, …. */
  architecture: string;
  /** Of the processor, for example `v8`; absent where there is but one. */
  variant?: string;
  /** Of Windows, for example `10.0.20348.2113`. */
  'os.version'?: string;
  /** Of Windows: what the image needs of it, for example `win32k`. */
  'os.features'?: readonly string[];
}

const PART = /^[A-Za-z0-9_.-]+$/;

/**
 * `os/architecture[/variant]`, for example `linux/arm64/v8`.
 * @throws InvalidArgumentError for anything else.
 */
export function parsePlatform(text: string): Platform {
  const parts = text.split('/');
  const [os, architecture, variant] = parts;
  if (!os || !architecture || parts.length > 3 || !parts.every((part) => PART.test(part))) {
    throw new InvalidArgumentError(`"${printable(text, 200)}" is not a platform`, {
      code: 'PLATFORM_INVALID',
      hint: 'Write os/architecture or os/architecture/variant, for example linux/arm64/v8.',
    });
  }
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

/** `os/architecture[/variant]`, for example `linux/arm64/v8`. */
export function formatPlatform(platform: Platform): string {
  return [platform.os, platform.architecture, platform.variant].filter(Boolean).join('/');
}

/** Attestation manifests carry this platform so that no runtime picks them. */
export function isUnknownPlatform(platform: Platform | undefined): boolean {
  return platform?.os === 'unknown' && platform.architecture === 'unknown';
}

/** True when an image for `available` is what somebody asking for `wanted` means; arm64 without a variant is v8. */
export function platformMatches(wanted: Platform, available: Platform): boolean {
  if (wanted.os !== available.os || wanted.architecture !== available.architecture) return false;
  return wanted.variant === undefined || effectiveVariant(wanted) === effectiveVariant(available);
}

function effectiveVariant(platform: Platform): string {
  return platform.variant ?? (platform.architecture === 'arm64' ? 'v8' : '');
}
