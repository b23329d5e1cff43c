import { setTimeout as delay } from 'node:timers/promises';
import { onAbort } from './on-abort.js';

/** By their signals, through which a transport below finds the limit it works under. */
const limits = new WeakMap<AbortSignal, TimeLimit>();

/**
 * Ends work that takes too long: its signal is aborted then, and when the caller's is. A pause the registry asks for is no
 * part of that time, or `Retry-After: 45` would break every limit of 30 seconds: see `uncounted`.
 */
export class TimeLimit {
  /** Whether the time is over; false when the caller ended it. */
  isOver = false;
  private readonly controller = new AbortController();
  private readonly stopListening: () => void;
  private timer: NodeJS.Timeout | undefined;
  private since = 0;
  private stops = 0;

  /** @param left - milliseconds */
  constructor(
    private left: number,
    caller: AbortSignal | undefined,
  ) {
    this.stopListening = onAbort(caller, (reason) => this.controller.abort(reason));
    limits.set(this.signal, this);
    this.run();
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** The work is done. */
  end(): void {
    clearTimeout(this.timer);
    this.stopListening();
    limits.delete(this.signal);
  }

  /** Stops the clock, until `start` was called as often. */
  stop(): void {
    if (this.stops++ > 0) return;
    clearTimeout(this.timer);
    this.left -= performance.now() - this.since;
  }

  start(): void {
    if (--this.stops === 0) this.run();
  }

  private run(): void {
    this.since = performance.now();
    this.timer = setTimeout(
      () => {
        this.isOver = true;
        this.controller.abort(new Error('the time for this request is over'));
      },
      Math.max(this.left, 0),
    );
  }
}

/** Whether the time of whoever holds this signal is limited already. */
export function isLimited(signal: AbortSignal | undefined): boolean {
  return signal !== undefined && limits.has(signal);
}

/** Runs `work` with the clock of the time limit behind `signal` stopped, if there is one. */
export async function uncounted<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  const limit = signal && limits.get(signal);
  limit?.stop();
  try {
    return await work();
  } finally {
    // Its work may be done by now.
    if (signal && limits.has(signal)) limit?.start();
  }
}

/** @throws the signal's reason as soon as it is aborted. */
export async function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await delay(ms, undefined, { signal }).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw error;
  });
}
