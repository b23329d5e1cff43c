import { EventQueue, type TransferEvent } from './event-queue.js';

/** How a transfer tells what it does, and is told to stop. */
export interface TransferHooks<Event> {
  signal?: AbortSignal | undefined;
  onProgress?: ((event: Event) => void) | undefined;
}

/** Begins a transfer that has both. */
export type Start<Event, Result> = (hooks: {
  signal: AbortSignal;
  onProgress: (event: Event) => void;
}) => Promise<Result>;

/**
 * A transfer under way, and its events one after another:
 *
 * ```ts
 * const pushing = client.withEvents.push('app.tar', 'team/app:1.0');
 * for await (const event of pushing) console.log(event.state);
 * const { digest } = await pushing.result;
 * ```
 *
 * It has started already, and waits for nobody: whoever reads slowly gets of each blob the latest `progress` only, but every other
 * event. A loop throws what the transfer fails with, after the last event. Leaving it early, by `break` for example, aborts the
 * transfer and waits for its end. One loop reads it, once.
 */
export class TransferEvents<Event extends TransferEvent, Result> implements AsyncGenerator<
  Event,
  Result | undefined,
  void
> {
  /** What the transfer resolves to, or rejects with; an `AbortError` when the loop was left early. */
  readonly result: Promise<Result>;
  private readonly transfer: Promise<Result>;
  private readonly left = new AbortController();
  private readonly events = new EventQueue<Event>();
  private readonly readers = new Set<() => void>();
  private isSettled = false;
  private isOver = false;

  /** Use {@link RegistryClient.withEvents}. */
  constructor(start: Start<Event, Result>, { signal, onProgress }: TransferHooks<Event>) {
    const hooks = {
      signal: signal ? AbortSignal.any([signal, this.left.signal]) : this.left.signal,
      onProgress: (event: Event): void => {
        onProgress?.(event);
        this.add(event);
      },
    };
    this.transfer = start(hooks);
    const settle = (): void => {
      this.isSettled = true;
      this.wake();
    };
    this.transfer.then(settle, settle);
    // A promise of its own: when nobody reads events, and nobody waits for the result, Node is to tell of the failure.
    this.result = this.transfer.then((result) => result);
  }

  /** The next event; at the end the result. @throws whatever the transfer fails with, once */
  async next(): Promise<IteratorResult<Event, Result | undefined>> {
    this.hear();
    while (!this.isOver) {
      const event = this.events.take();
      if (event !== undefined) return { done: false, value: event };
      if (this.isSettled) {
        this.isOver = true;
        return { done: true, value: await this.transfer };
      }
      await new Promise<void>((resolve) => this.readers.add(resolve));
    }
    return { done: true, value: undefined };
  }

  /** What `break` does: aborts the transfer unless it has ended, and resolves when nothing is sent any more. */
  async return(): Promise<IteratorReturnResult<undefined>> {
    this.hear();
    this.isOver = true;
    this.left.abort();
    this.wake();
    await this.transfer.catch(() => undefined);
    return { done: true, value: undefined };
  }

  /** As {@link return}. @throws the reason */
  async throw(reason: unknown): Promise<IteratorReturnResult<undefined>> {
    await this.return();
    throw reason;
  }

  /** For `for await`: itself, once. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** For `await using`: as {@link return}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  private add(event: Event): void {
    if (this.isOver) return;
    this.events.add(event);
    this.wake();
  }

  private wake(): void {
    for (const resolve of this.readers) resolve();
    this.readers.clear();
  }

  /** Whoever reads events is told of a failure by them. */
  private hear(): void {
    this.result.catch(() => undefined);
  }
}
