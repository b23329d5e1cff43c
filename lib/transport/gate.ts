import { raceSignal } from './waiting.js';

/** How a request may go on. */
export interface Turn {
  /** Whether what is to be tried was refused too often while this one waited. */
  readonly isHopeless: boolean;
  /** To be called when the outcome is known, or nothing came of it; only the first call counts. */
  end(isRefused?: boolean): void;
}

/** Registries lock the account after a few wrong passwords: no more of those who wait for each other try one. */
const MOST_REFUSALS = 2;

/** Milliseconds that others wait for one that gets no answer. */
const PATIENCE = 5000;

const FREE: Turn = { isHopeless: false, end: () => undefined };
const HOPELESS: Turn = { isHopeless: true, end: () => undefined };

/** As long as something is unknown that all depend on, one request goes ahead, and the others wait for what becomes of it. */
export class Gate {
  private isDone = false;
  private ahead: Promise<boolean> | undefined;
  private endTurn: Turn['end'] = () => undefined;

  get isOpen(): boolean {
    return this.isDone;
  }

  /** @throws the signal's reason */
  async enter(signal: AbortSignal | undefined): Promise<Turn> {
    for (let refusals = 0; !this.isDone;) {
      if (refusals >= MOST_REFUSALS) return HOPELESS;
      if (!this.ahead) return this.goAhead();
      if (await raceSignal(this.ahead, signal)) refusals += 1;
    }
    return FREE;
  }

  /** Nobody needs to wait any more. */
  open(): void {
    this.isDone = true;
    this.endTurn();
  }

  private goAhead(): Turn {
    let finish!: (isRefused: boolean) => void;
    const ahead = new Promise<boolean>((resolve) => (finish = resolve));
    const end = (isRefused = false): void => {
      clearTimeout(timer);
      if (this.ahead === ahead) this.ahead = undefined;
      finish(isRefused);
    };
    const timer = setTimeout(end, PATIENCE, false).unref();
    this.ahead = ahead;
    this.endTurn = end;
    return { isHopeless: false, end };
  }
}
