import type { ProgressBlob, PushEvent } from '../index.js';
import { printable } from '../redact.js';
import { formatBytes, shortEntry } from './format.js';

const VERBS = { exists: 'already there', mounted: 'mounted', uploaded: 'uploaded' } as const;

/** Tells a push as plain lines: what is planned, each blob as it ends, each tag, and now and then how far it is. */
export class PushProgress {
  private blobs = 0;
  private bytes = 0;
  private readonly read = new Map<ProgressBlob, number>();
  private readonly ended = new Set<ProgressBlob>();
  private lastLine = performance.now();

  /** @param interval - milliseconds between two lines about bytes */
  constructor(
    private readonly line: (text: string) => void,
    private readonly interval = 5000,
  ) {}

  report(event: PushEvent): void {
    switch (event.state) {
      case 'planned':
        [this.blobs, this.bytes] = [event.blobs, event.bytes];
        return this.tell(`pushing ${event.blobs} blobs, ${formatBytes(event.bytes)}`);
      case 'warning':
        return this.tell(`warning: ${event.message}`);
      case 'started':
        return;
      case 'progress':
        this.read.set(event.blob, Math.min(event.read, event.blob.size));
        return this.tellTotal();
      case 'retry':
        this.read.delete(event.blob);
        return this.tell(`retrying ${shortEntry(event.blob.entry)}`);
      case 'tagged':
        return this.tell(`tagged ${event.reference}`);
      default:
        return this.tellBlob(event);
    }
  }

  private tellBlob({ state, blob, repository, descriptor }: Extract<PushEvent, { repository: string }>): void {
    this.ended.add(blob);
    this.read.set(blob, blob.size);
    const size = `${formatBytes(blob.size)}${descriptor.size === blob.size ? '' : ` as ${formatBytes(descriptor.size)}`}`;
    const count = `[${this.ended.size}/${this.blobs}]`;
    this.tell(`${count} ${VERBS[state]} ${shortEntry(blob.entry)} (${size}) in ${repository}`);
  }

  private tellTotal(): void {
    const now = performance.now();
    if (now - this.lastLine < this.interval) return;
    this.lastLine = now;
    const read = [...this.read.values()].reduce((sum, bytes) => sum + bytes, 0);
    const share = this.bytes === 0 ? 100 : Math.floor((read / this.bytes) * 100);
    this.tell(`${formatBytes(read)} of ${formatBytes(this.bytes)} (${share} %)`);
  }

  /** Entry names and warnings are texts of the archive. */
  private tell(text: string): void {
    this.line(printable(text, 4000));
  }
}
