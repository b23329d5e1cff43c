import { Transform, type TransformCallback } from 'node:stream';
import { algorithmOf, Digester } from './digest.js';

/** What the bytes must turn out to be; an absent field is not checked. */
export interface ExpectedContent {
  digest?: string;
  /** Bytes. */
  size?: number;
}

/**
 * Passes bytes on, counts and hashes them, and fails instead of ending when they are not what was promised, so that
 * whoever waits for the end never takes wrong content for complete.
 */
export class VerifyStream extends Transform {
  private readonly digester: Digester;
  private result: string | undefined;

  /** @param mismatch - makes the error for what was found: the two numbers or the two digests */
  constructor(
    private readonly expected: ExpectedContent,
    private readonly mismatch: (expected: string, actual: string) => Error,
  ) {
    super({ highWaterMark: 1024 * 1024 });
    this.digester = new Digester(expected.digest === undefined ? 'sha256' : algorithmOf(expected.digest));
  }

  /** Bytes seen so far. */
  get size(): number {
    return this.digester.size;
  }

  /** The digest of everything; known once the stream has ended. */
  get digest(): string {
    if (this.result === undefined) throw new Error('the digest is known only at the end of the stream');
    return this.result;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.digester.update(chunk);
    const { size } = this.expected;
    if (size !== undefined && this.size > size) return done(this.mismatch(`${size} bytes`, `more than ${size} bytes`));
    done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    this.result = this.digester.digest();
    const { size, digest } = this.expected;
    if (size !== undefined && this.size !== size) return done(this.mismatch(`${size} bytes`, `${this.size} bytes`));
    if (digest !== undefined && this.result !== digest) return done(this.mismatch(digest, this.result));
    done();
  }
}
