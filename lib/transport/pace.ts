import { onAbort } from './on-abort.js';

/** Lets no more than so many start in a second, evenly, in the order they come. */
export class Pace {
  private readonly interval: number;
  private readonly waiting: (() => void)[] = [];
  private timer: NodeJS.Timeout | undefined;
  /** When the next one may start; monotonic milliseconds. */
  private next = 0;

  constructor(perSecond: number) {
    this.interval = 1000 / perSecond;
  }

  /** Resolves when it is this one's turn. @throws the signal's reason; whoever leaves takes no turn */
  async turn(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.waiting.length === 0 && performance.now() >= this.next) return this.take();
    await this.queue(signal);
  }

  private queue(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = (): void => {
        stopListening();
        resolve();
      };
      const stopListening = onAbort(signal, (reason) => {
        this.leave(go);
        // A reason is whatever the caller gave to abort(); it is handed back as it is.
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
        reject(reason);
      });
      this.waiting.push(go);
      this.timer ??= this.wake();
    });
  }

  private leave(waiter: () => void): void {
    this.waiting.splice(this.waiting.indexOf(waiter), 1);
    if (this.waiting.length > 0) return;
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
      const first = this.waiting.shift();
      if (first) this.take();
      this.timer = this.waiting.length > 0 ? this.wake() : undefined;
      first?.();
    }, this.next - performance.now());
  }
}
