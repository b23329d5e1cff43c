/** Fires when what is waited for does not come. */
export class IdleTimer {
  private timer: NodeJS.Timeout | undefined;

  /** @param onIdle - is told how long was waited, and for what */
  constructor(private readonly onIdle: (ms: number, doing: string) => void) {}

  /** Starts a wait; one that is running ends. */
  start(ms: number, doing: string): void {
    this.stop();
    this.timer = setTimeout(() => this.onIdle(ms, doing), ms);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}
