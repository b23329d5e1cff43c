import { WaitingList } from './waiting-list.js';

/** Lets no more than so many start in a second, evenly, in the order they come. */
export class Pace {
  private readonly interval: number;
  private readonly waiting = new WaitingList();
  private timer: NodeJS.Timeout | undefined;
  /** When the next one may start; monotonic milliseconds. */
  private next = 0;

  constructor(perSecond: number) {
    this.interval = 1000 / perSecond;
  }

  /** Resolves when it is this one's turn. @throws the signal's reason; whoever leaves takes no turn */
  async turn(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.waiting.isEmpty && performance.now() >= this.next) return this.take();
    this.timer ??= this.wake();
    await this.waiting.wait(signal).catch((reason: unknown) => {
      if (this.waiting.isEmpty) this.rest();
      throw reason;
    });
  }

  /** Nobody waits, so no timer keeps the process alive. */
  private rest(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** A timer that fires late costs nobody anything, but what was not used long ago is not made up for. */
  private take(): void {
    const now = performance.now();
    this.next = (now - this.next < this.interval ? this.next : now) + this.interval;
  }

  private wake(): NodeJS.Timeout {
    return setTimeout(() => {
      if (this.waiting.next()) this.take();
      this.timer = this.waiting.isEmpty ? undefined : this.wake();
    }, this.next - performance.now());
  }
}
