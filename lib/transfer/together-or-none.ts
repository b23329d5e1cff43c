import { setMaxListeners } from 'node:events';

/** Runs tasks that succeed together or not at all: the first failure aborts the others, and is the one that is thrown. */
export class TogetherOrNone {
  private readonly failed = new AbortController();
  /** Aborted by the caller's own signal or by the first failure. */
  readonly signal: AbortSignal;

  constructor(caller: AbortSignal | undefined) {
    this.signal = caller ? AbortSignal.any([caller, this.failed.signal]) : this.failed.signal;
    // Every request under way listens: with more than ten at once Node would suspect a leak, and say so.
    setMaxListeners(Infinity, this.signal);
  }

  /** Resolves or rejects only when every task has ended, so that nothing is sent afterwards. */
  async run<T>(tasks: readonly (() => Promise<T>)[]): Promise<T[]> {
    const settled = await Promise.allSettled(tasks.map((task) => this.guarded(task)));
    return settled.map((result) => {
      if (result.status === 'rejected') throw this.signal.reason;
      return result.value;
    });
  }

  private async guarded<T>(task: () => Promise<T>): Promise<T> {
    try {
      this.signal.throwIfAborted();
      return await task();
    } catch (error) {
      this.failed.abort(error);
      throw error;
    }
  }
}
