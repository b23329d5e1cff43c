import type { CopyEvent } from '../index.js';
import { formatBytes, shortEntry } from './format.js';
import { VERBS } from './push-progress.js';
import { TransferLines } from './transfer-lines.js';

/** Tells a copy as plain lines. */
export class CopyProgress {
  private readonly lines: TransferLines;

  /** @param interval - milliseconds between two lines about bytes */
  constructor(line: (text: string) => void, interval = 5000) {
    this.lines = new TransferLines(line, interval);
  }

  report(event: CopyEvent): void {
    switch (event.state) {
      case 'planned':
        return this.lines.plan('copying', event);
      case 'progress':
        return this.lines.progress(event.descriptor.digest, event.sent, event.descriptor.size);
      case 'tagged':
        return this.lines.tell(`tagged ${event.reference}`);
      default:
        return this.tellBlob(event);
    }
  }

  private tellBlob({ state, descriptor: { digest, size } }: Extract<CopyEvent, { state: keyof typeof VERBS }>): void {
    this.lines.end(digest, size, `${VERBS[state]} ${shortEntry(digest)} (${formatBytes(size)})`);
  }
}
