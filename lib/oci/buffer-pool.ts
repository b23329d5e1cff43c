/** Bytes of a buffer of the pool: with a quarter of them a push takes a tenth longer, because a read takes a turn of the thread pool. */
export const POOLED = 1024 * 1024;

/** Buffers that are kept while nobody needs them: 8 MiB. */
const MOST_FREE = 8;

/**
 * Buffers for large reads, which whoever is done with them may give back. What is not given back is left to the garbage
 * collector; but that is woken by every few dozen of them, and marks all there is: a tenth of the processor time of a push.
 */
export class BufferPool {
  private readonly free: ArrayBuffer[] = [];
  /** Others are not ours to write into. */
  private readonly own = new WeakSet<ArrayBufferLike>();

  /** Of {@link POOLED} bytes, with anything in them. */
  take(): Buffer {
    const bytes = this.free.pop() ?? new ArrayBuffer(POOLED);
    this.own.add(bytes);
    return Buffer.from(bytes);
  }

  /** Whoever may need the bytes again after they were sent sees to it that they stay what they are. */
  keep({ buffer }: Buffer): void {
    this.own.delete(buffer);
  }

  /** Nobody may look at the bytes any more. What did not come from here, or is only a part of what did, is left alone. */
  giveBack({ buffer, byteLength }: Buffer): void {
    if (byteLength !== POOLED || !this.own.delete(buffer)) return;
    if (this.free.length < MOST_FREE) this.free.push(buffer as ArrayBuffer);
  }
}

/** That of this process. */
export const buffers = new BufferPool();
