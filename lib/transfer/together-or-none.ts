/** Runs tasks that succeed together or not at all: the first failure aborts the others, and is the one that is thrown. */
export class TogetherOrNone {
  private readonly failed = new AbortController();
  /** Aborted by the caller's own signal or by the first failure. */
  readonly signal: AbortSignal;

  constructor(caller: AbortSignal | undefined) {
    this.signal = caller ? AbortSignal.any([caller, this.failed.signal]) : this.failed.signal;
  }

  /** Resolves or rejects only when every task has ended, so that nothing is sent afterwards. */
  async run<T>(tasks: readonly (() => Promise<T>)[]): Promise<T[]> {
    const guarded = tasks.map(async (task) => {
      try {
        this.signal.throwIfAborted();
        return await task();
      } catch (error) {
        this.failed.abort(error);
        throw error;
      }
    });
    const results = await Promise.allSettled(guarded);
    this.signal.throwIfAborted();
    return results.map((result) => (result as PromiseFulfilledResult<T>).value);
  }
}
