import pLimit from 'p-limit';
import { wholeNumber } from '../whole-number.js';

/** Runs a task when a slot is free. */
export type Limit = <T>(task: () => Promise<T>) => Promise<T>;

/** As many as the client's own option `concurrency` may be. */
const MOST = 1000;

/**
 * At most `concurrency` tasks at once; the others wait in the order they came.
 * @throws InvalidArgumentError unless it is a whole number from 1 to 1000
 */
export function createLimit(concurrency: number): Limit {
  const limit = pLimit(wholeNumber('concurrency', concurrency, 1, MOST));
  return (task) => limit(task);
}

/** Below this a blob costs a round trip rather than bandwidth. */
const SMALL = 1024 * 1024;

/**
 * The slots of one transfer. Large contents may take all but one of them, so that small ones, configs above all, never
 * queue behind gigabytes.
 */
export class TransferSlots {
  private readonly all: Limit;
  private readonly large: Limit;
  private readonly compressing: Limit;

  /** @param compressors - contents compressed at once: more than there are cores only costs memory */
  constructor(concurrency: number, compressors = concurrency) {
    this.all = createLimit(concurrency);
    this.large = createLimit(Math.max(1, concurrency - 1));
    this.compressing = createLimit(compressors);
  }

  run<T>({ size, compresses }: { size: number; compresses: boolean }, task: () => Promise<T>): Promise<T> {
    // Slots are always taken in this order, so nobody holds one that somebody before them waits for.
    const inSlot = (): Promise<T> => this.all(task);
    const inLarge = size < SMALL ? inSlot : (): Promise<T> => this.large(inSlot);
    return compresses && size >= SMALL ? this.compressing(inLarge) : inLarge();
  }
}
