import type { PushEvent } from '../index.js';
import { formatBytes, shortEntry } from './format.js';

const VERBS = { exists: 'already there', mounted: 'mounted', uploaded: 'uploaded' } as const;

/** Tells a push as plain lines: what is planned, each blob as it ends, each tag, and now and then how far a large one is. */
export class PushProgress {
  private blobs = 0;
  private ended = 0;
  private bytes = 0;
  private readonly read = new Map<object, number>();
  private lastLine = performance.now();

  constructor(
    private readonly line: (text: string) => void,
    /** Milliseconds between two lines about bytes. */
    private readonly interval = 5000,
  ) {}

  report(event: PushEvent): void {
    switch (event.state) {
      case 'planned':
        [this.blobs, this.bytes] = [event.blobs, event.bytes];
        this.line(`pushing ${event.blobs} blobs, ${formatBytes(event.bytes)}`);
        return;
      case 'warning':
        this.line(`warning: ${event.message}`);
        return;
      case 'progress':
        this.read.set(event.blob, Math.min(event.read, event.blob.size));
        this.tellTotal();
        return;
      case 'retry':
        this.line(`retrying ${shortEntry(event.blob.entry)}`);
        return;
      case 'exists':
      case 'mounted':
      case 'uploaded':
        this.tellBlob(event);
        return;
      case 'tagged':
        this.line(`tagged ${event.reference}`);
    }
  }

  private tellBlob({ state, blob, repository, descriptor }: Extract<PushEvent, { repository: string }>): void {
    if (!this.endedBlobs.has(blob)) this.ended++;
    this.endedBlobs.add(blob);
    this.read.set(blob, blob.size);
    const size = `${formatBytes(blob.size)}${descriptor.size === blob.size ? '' : ` as ${formatBytes(descriptor.size)}`}`;
    this.line(`[${this.ended}/${this.blobs}] ${VERBS[state]} ${shortEntry(blob.entry)} (${size}) in ${repository}`);
  }

  private readonly endedBlobs = new Set<object>();

  private tellTotal(): void {
    const now = performance.now();
    if (now - this.lastLine < this.interval) return;
    this.lastLine = now;
    const read = [...this.read.values()].reduce((sum, bytes) => sum + bytes, 0);
    const share = this.bytes === 0 ? 100 : Math.floor((read / this.bytes) * 100);
    this.line(`${formatBytes(read)} of ${formatBytes(this.bytes)} (${share} %)`);
  }
}
