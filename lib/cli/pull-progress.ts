import type { PullEvent } from '../index.js';
import { formatBytes, shortEntry } from './format.js';
import { TransferLines } from './transfer-lines.js';

/** Tells a pull as plain lines. */
export class PullProgress {
  private readonly lines: TransferLines;

  /** @param interval - milliseconds between two lines about bytes */
  constructor(line: (text: string) => void, interval = 5000) {
    this.lines = new TransferLines(line, interval);
  }

  report(event: PullEvent): void {
    if (event.state === 'planned') return this.lines.plan('pulling', event);
    const { digest, size } = event.descriptor;
    switch (event.state) {
      case 'started':
        return;
      case 'progress':
        return this.lines.progress(digest, event.received, size);
      case 'retry':
        return this.lines.restart(digest, shortEntry(digest));
      case 'fetched':
        return this.lines.end(digest, size, `pulled ${shortEntry(digest)} (${formatBytes(size)})`);
    }
  }
}
