import type { OnProgress, ProgressBlob } from './progress.js';

interface Counts {
  read: number;
  sent: number;
}

/** Counts the bytes of one content while it is pushed, and reports them: upwards only, unless a `retry` came before. */
export class BlobProgress {
  private counts: Counts = { read: 0, sent: 0 };
  private kept: Counts = this.counts;

  constructor(
    private readonly blob: ProgressBlob,
    private readonly onProgress: OnProgress,
  ) {
    onProgress({ state: 'started', blob });
  }

  /** What is counted so far is done with, and stays counted whatever comes next. */
  keep(): void {
    this.kept = this.counts;
  }

  addRead(bytes: number): void {
    this.add({ read: bytes, sent: 0 });
  }

  addSent(bytes: number): void {
    this.add({ read: 0, sent: bytes });
  }

  /** The content is sent from its start, once more if some of it has been already. */
  restart(): void {
    const { counts, kept } = this;
    if (counts.read === kept.read && counts.sent === kept.sent) return;
    this.counts = kept;
    this.onProgress({ state: 'retry', blob: this.blob });
  }

  private add({ read, sent }: Counts): void {
    this.counts = { read: this.counts.read + read, sent: this.counts.sent + sent };
    this.onProgress({ state: 'progress', blob: this.blob, ...this.counts });
  }
}
