import { setMaxListeners } from 'node:events';

/** Calls `listener` with the reason once the signal is aborted, at once if it is already. @returns stops listening */
export function onAbort(signal: AbortSignal | undefined, listener: (reason: unknown) => void): () => void {
  if (!signal) return () => undefined;
  const listen = (): void => listener(signal.reason);
  if (signal.aborted) listen();
  else {
    // One signal for many calls at once is what callers have; from 11 on Node would suspect a leak, and say so.
    setMaxListeners(Infinity, signal);
    signal.addEventListener('abort', listen, { once: true });
  }
  return () => signal.removeEventListener('abort', listen);
}
