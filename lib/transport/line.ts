import { WaitingList } from './waiting-list.js';

/** No more than so many at once; whoever comes later waits in line. */
export class Line {
  private inside = 0;
  private readonly waiting = new WaitingList();

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
    if (!this.waiting.next()) this.inside -= 1;
  }

  /** Waits until others have left. @throws the signal's reason, and is not in then */
  turn(signal: AbortSignal): Promise<void> {
    return this.waiting.wait(signal);
  }
}
