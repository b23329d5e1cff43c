import { createHash, type Hash } from 'node:crypto';
import { InvalidArgumentError } from '../errors.js';
import { printable } from '../redact.js';

/**
 * Algorithms registered by the image spec. Source: image-spec v1.1,
 * [Registered algorithms](https://github.com/opencontainers/image-spec/blob/v1.1.0/descriptor.md#registered-algorithms).
 */
export type DigestAlgorithm = 'sha256' | 'sha512';

const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** True for `sha256:` with 64 or `sha512:` with 128 lower-case hexadecimal digits; nothing else may enter a URL or a path. */
export function isDigest(text: unknown): text is string {
  return typeof text === 'string' && DIGEST.test(text);
}

/** @throws InvalidArgumentError when `text` is not a digest. */
export function assertDigest(text: string): string {
  if (isDigest(text)) return text;
  throw new InvalidArgumentError(`"${printable(String(text), 200)}" is not a digest`, {
    code: 'DIGEST_INVALID',
    hint: 'A digest is sha256: and 64 lower-case hexadecimal digits, or sha512: and 128.',
  });
}

/** The part before the colon. @throws InvalidArgumentError when `digest` is not a digest. */
export function algorithmOf(digest: string): DigestAlgorithm {
  return assertDigest(digest).startsWith('sha512:') ? 'sha512' : 'sha256';
}

/** The hexadecimal part. @throws InvalidArgumentError when `digest` is not a digest. */
export function hexOf(digest: string): string {
  return assertDigest(digest).slice(algorithmOf(digest).length + 1);
}

/** The first 12 digits of the hexadecimal part, enough for people to tell images apart. @throws InvalidArgumentError */
export function shortDigest(digest: string): string {
  return hexOf(digest).slice(0, 12);
}

/**
 * `algorithm:hex` of bytes, or of a text in UTF-8. Source: image-spec v1.1,
 * [Digests](https://github.com/opencontainers/image-spec/blob/v1.1.0/descriptor.md#digests).
 */
export function digestOf(bytes: Uint8Array | string, algorithm: DigestAlgorithm = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

/** A running digest and byte count over chunks. */
export class Digester {
  size = 0;
  private readonly hash: Hash;

  constructor(private readonly algorithm: DigestAlgorithm = 'sha256') {
    this.hash = createHash(algorithm);
  }

  update(chunk: Uint8Array): this {
    this.hash.update(chunk);
    this.size += chunk.length;
    return this;
  }

  /** Ends the computation. */
  digest(): string {
    return `${this.algorithm}:${this.hash.digest('hex')}`;
  }
}
