import pLimit from 'p-limit';

/** Runs a task when a slot is free. */
export type Limit = <T>(task: () => Promise<T>) => Promise<T>;

/** At most `concurrency` tasks at once; the others wait in the order they came. */
export function createLimit(concurrency: number): Limit {
  const limit = pLimit(concurrency);
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

  constructor(concurrency: number) {
    this.all = createLimit(concurrency);
    this.large = createLimit(Math.max(1, concurrency - 1));
  }

  run<T>(size: number, task: () => Promise<T>): Promise<T> {
    // Nobody who waits for a slot holds one that another could wait for: `all` is always taken last.
    return size < SMALL ? this.all(task) : this.large(() => this.all(task));
  }
}
