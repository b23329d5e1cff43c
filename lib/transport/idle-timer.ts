/** Fires when nothing moved for a while; every sign of life starts it anew. */
export class IdleTimer {
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly onIdle: (ms: number) => void) {}

  /** (Re)starts the wait. */
  start(ms: number): void {
    this.stop();
    this.timer = setTimeout(() => this.onIdle(ms), ms);
  }

  /** Another sign of life, at the same patience. */
  touch(): void {
    this.timer?.refresh();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}
