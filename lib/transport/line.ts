import { onAbort } from './on-abort.js';

/** No more than so many at once; whoever comes later waits in line. */
export class Line {
  private inside = 0;
  private readonly waiting = new Set<() => void>();

  constructor(private readonly most: number) {}

  get isEmpty(): boolean {
    return this.inside === 0;
  }

  /** Whoever got in, here or by `turn`, must leave. @returns whether there was room */
  enters(): boolean {
    if (this.inside >= this.most) return false;
    this.inside += 1;
    return true;
  }

  /** The place goes to who has waited longest. */
  leave(): void {
    const [next] = this.waiting;
    if (next) next();
    else this.inside -= 1;
  }

  /** Waits until others have left. @throws the signal's reason, and is not in then */
  turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const next = (): void => {
        this.waiting.delete(next);
        stopListening();
        resolve();
      };
      const stopListening = onAbort(signal, (reason) => {
        this.waiting.delete(next);
        // A reason is whatever the caller gave to abort(); it is handed back as it is.
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
        reject(reason);
      });
      this.waiting.add(next);
    });
  }
}
