/** Milliseconds that one sample sums up; at least so much must have passed before a rate means anything. */
const SAMPLE = 250;

/** Milliseconds after which a sample is forgotten: short enough to show a stall, long enough not to jump about. */
const MEMORY = 8000;

/** Bytes per second over the last seconds. */
export class Rate {
  private readonly samples: { at: number; bytes: number }[] = [];
  private readonly start: number;

  /** @param now - milliseconds, as everywhere here, of a clock that never goes back */
  constructor(now: number) {
    this.start = now;
  }

  add(bytes: number, now: number): void {
    const last = this.samples.at(-1);
    if (last && now - last.at < SAMPLE) last.bytes += bytes;
    else this.samples.push({ at: now, bytes });
  }

  perSecond(now: number): number {
    while (this.samples[0] && now - this.samples[0].at >= MEMORY) this.samples.shift();
    const passed = Math.min(MEMORY, now - this.start);
    if (passed < SAMPLE) return 0;
    return (this.samples.reduce((sum, { bytes }) => sum + bytes, 0) / passed) * 1000;
  }
}
