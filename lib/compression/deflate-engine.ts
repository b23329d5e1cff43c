import { RegistryClientError } from '../errors.js';
import { buffers, POOLED } from '../oci/buffer-pool.js';
import { DEFLATE_MODULE } from './deflate-module.js';

/** Blocks that fit into one memory: while one is deflated, the next is filled in and the result of the last taken out. */
export const SLOTS = 2;
/** Of 64 KiB each; `scripts/build-wasm.mjs` reads the number here. */
const PAGES = 69;

/** What is used of WebAssembly: TypeScript knows it for browsers only. */
interface WebAssemblyApi {
  Module: new (bytes: Uint8Array) => object;
  Memory: new (size: { initial: number; maximum: number; shared: true }) => DeflateMemory;
  Instance: new (module: object, imports: object) => { exports: unknown };
}

export interface DeflateMemory {
  readonly buffer: SharedArrayBuffer;
}

interface DeflateExports {
  deflate(slot: number, size: number): number;
  input(slot: number): number;
  output(slot: number): number;
}

/**
 * Deflates blocks of up to 1 MiB, in less than half the time of zlib's level 1 and to about as many bytes. A result ends on a byte
 * boundary and looks back to nothing before its block, so results can be joined in any order; it depends on the block only.
 */
export class DeflateEngine {
  private readonly wasm = webAssembly();
  /** For other threads, which need not compile it again. */
  readonly module = new this.wasm.Module(Buffer.from(DEFLATE_MODULE, 'base64'));
  private readonly memory = this.newMemory();
  private readonly exports = new this.wasm.Instance(this.module, { env: { memory: this.memory } })
    .exports as DeflateExports;

  /** Takes this thread as long as it lasts: about a millisecond. */
  deflate(block: Buffer): Buffer {
    this.fill(this.memory, 0, block);
    return this.result(this.memory, 0, this.exports.deflate(0, block.length));
  }

  /** For an instance on another thread. */
  newMemory(): DeflateMemory {
    return new this.wasm.Memory({ initial: PAGES, maximum: PAGES, shared: true });
  }

  fill({ buffer }: DeflateMemory, slot: number, block: Buffer): void {
    block.copy(new Uint8Array(buffer, this.exports.input(slot), block.length));
  }

  /** A copy, in a buffer of the pool where it fits into one. */
  result({ buffer }: DeflateMemory, slot: number, size: number): Buffer {
    const copy = size > POOLED ? Buffer.allocUnsafe(size) : buffers.take().subarray(0, size);
    copy.set(new Uint8Array(buffer, this.exports.output(slot), size));
    return copy;
  }
}

/** @throws RegistryClientError with code `COMPRESSOR_FAILED` where Node runs without it */
function webAssembly(): WebAssemblyApi {
  const { WebAssembly: api } = globalThis as { WebAssembly?: WebAssemblyApi };
  if (api) return api;
  throw new RegistryClientError('the built-in gzip needs WebAssembly, which this Node runs without', {
    code: 'COMPRESSOR_FAILED',
    hint: "Leave out --jitless, install igzip, or take compression: 'none'.",
  });
}
