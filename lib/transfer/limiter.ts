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

/** Like {@link createLimit}, of a number that changes: it is asked for whenever a task comes or ends. */
export function createMovingLimit(concurrency: () => number): Limit {
  const limit = pLimit(concurrency());
  const adjust = (): void => void (limit.concurrency = concurrency());
  return (task) => {
    adjust();
    return limit(() => task().finally(adjust));
  };
}

/** Below this a blob costs a round trip rather than bandwidth. */
const SMALL = 1024 * 1024;

export interface SlotCounts {
  concurrency: number;
  /** Large contents at once. Default: all slots but one. */
  large?: number;
  /** Contents compressed at once: more than there are cores only costs memory. */
  compressors?: number;
  /** Small contents at once, which may change; absent to count them with the others. */
  small?: (() => number) | undefined;
}

/**
 * The slots of one transfer. Large contents may take all but one of them, so that small ones, configs above all, never
 * queue behind gigabytes.
 */
export class TransferSlots {
  private readonly small: Limit;
  private readonly large: Limit;
  private readonly compressing: Limit;

  constructor({ concurrency, large = concurrency - 1, compressors = concurrency, small }: SlotCounts) {
    const all = createLimit(concurrency);
    const largeOnes = createLimit(Math.max(1, Math.min(large, concurrency - 1)));
    this.small = small ? createMovingLimit(small) : all;
    // Slots are always taken in this order, so nobody holds one that somebody before them waits for.
    this.large = (task) => largeOnes(() => all(task));
    this.compressing = createLimit(compressors);
  }

  run<T>({ size, compresses }: { size: number; compresses: boolean }, task: () => Promise<T>): Promise<T> {
    if (size < SMALL) return this.small(task);
    const inSlot = (): Promise<T> => this.large(task);
    return compresses ? this.compressing(inSlot) : inSlot();
  }
}
