import { TimeLimit } from './time-limit.js';

/** Waits for a promise others wait for too: an abort ends this waiting, not the work. Rejects with `signal.reason` then. */
export function raceSignal<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    // A reason is whatever the caller gave to abort(); it is handed back as it is.
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
    const stop = (): void => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

/** Runs `work` under a time limit of its own and for as long as `caller` wants it; when the limit ends it, the rejection is `late()`. */
export async function within<T>(
  milliseconds: number,
  caller: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
  late: () => Error,
): Promise<T> {
  const limit = new TimeLimit(milliseconds, caller);
  try {
    return await raceSignal(work(limit.signal), limit.signal);
  } catch (error) {
    throw limit.isOver ? late() : error;
  } finally {
    limit.end();
  }
}
