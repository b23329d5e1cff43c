import type { PushEvent } from '../index.js';
import { formatBytes, shortEntry } from './format.js';
import { TransferLines } from './transfer-lines.js';

export const VERBS = { exists: 'already there', mounted: 'mounted', uploaded: 'uploaded' } as const;

/** Tells a push as plain lines. */
export class PushProgress {
  private readonly lines: TransferLines;

  /** @param interval - milliseconds between two lines about bytes */
  constructor(line: (text: string) => void, interval = 5000) {
    this.lines = new TransferLines(line, interval);
  }

  report(event: PushEvent): void {
    switch (event.state) {
      case 'planned':
        return this.lines.plan('pushing', event);
      case 'warning':
        return this.lines.tell(`warning: ${event.message}`);
      case 'started':
        return;
      case 'progress':
        return this.lines.progress(event.blob, event.read, event.blob.size);
      case 'retry':
        return this.lines.restart(event.blob, shortEntry(event.blob.entry));
      case 'tagged':
        return this.lines.tell(`tagged ${event.reference}`);
      default:
        return this.tellBlob(event);
    }
  }

  private tellBlob({ state, blob, repository, descriptor }: Extract<PushEvent, { repository: string }>): void {
    const size = `${formatBytes(blob.size)}${descriptor.size === blob.size ? '' : ` as ${formatBytes(descriptor.size)}`}`;
    this.lines.end(blob, blob.size, `${VERBS[state]} ${shortEntry(blob.entry)} (${size}) in ${repository}`);
  }
}
