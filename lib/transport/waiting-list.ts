import { onAbort } from './on-abort.js';

/** Who waits, in the order they came. */
export class WaitingList {
  private readonly waiting = new Set<() => void>();

  get isEmpty(): boolean {
    return this.waiting.size === 0;
  }

  /** Resolves when `next` has come to this one. @throws the signal's reason; whoever leaves is passed over */
  wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = (): void => {
        this.waiting.delete(go);
        stopListening();
        resolve();
      };
      this.waiting.add(go);
      const stopListening = onAbort(signal, (reason) => {
        this.waiting.delete(go);
        // A reason is whatever the caller gave to abort(); it is handed back as it is.
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
        reject(reason);
      });
    });
  }

  /** Lets the one go who has waited longest. @returns whether there was one */
  next(): boolean {
    const [first] = this.waiting;
    first?.();
    return first !== undefined;
  }
}
