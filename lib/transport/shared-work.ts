import { raceSignal } from './waiting.js';

/** Work that several wait for, each with a signal of its own. It is ended when the last of them has given up. */
export class SharedWork<T> {
  readonly work: Promise<T>;
  private readonly abort = new AbortController();
  private waiting = 0;
  private isDone = false;

  constructor(start: (signal: AbortSignal) => Promise<T>) {
    this.work = start(this.abort.signal);
    const done = (): void => void (this.isDone = true);
    this.work.then(done, done);
  }

  /** Whether nothing will come of it any more. */
  get isAbandoned(): boolean {
    return this.abort.signal.aborted;
  }

  /** @throws the signal's reason, or what the work fails with */
  async wait(signal: AbortSignal | undefined): Promise<T> {
    this.waiting += 1;
    try {
      return await raceSignal(this.work, signal);
    } finally {
      this.waiting -= 1;
      if (this.waiting === 0 && !this.isDone) this.abort.abort(new Error('nobody waits for it any more'));
    }
  }
}
