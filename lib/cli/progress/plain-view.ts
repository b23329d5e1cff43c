import { printable } from '../../redact.js';
import { formatBytes, shortEntry } from '../format.js';
import type { Style } from '../style.js';
import { Tally } from './tally.js';
import type { BlobEnded, Transfer, TransferEvent, TransferView } from './transfer-event.js';
import { DOING, formatClock, formatRate, OUTCOMES, percent, summaryOf } from './words.js';

/** Tells a transfer as plain lines: what is planned, each blob as it ends, now and then how far it is, and what came of it. */
export class PlainView implements TransferView {
  private readonly tally = new Tally();
  private lastLine = performance.now();

  /** @param interval - milliseconds between two lines about bytes */
  constructor(
    private readonly transfer: Transfer,
    private readonly line: (text: string) => void,
    private readonly style: Style,
    private readonly interval = 5000,
  ) {}

  report(event: TransferEvent): void {
    this.tally.add(event);
    switch (event.state) {
      case 'planned':
        return this.tell(`${DOING[this.transfer]} ${count(event.blobs)}, ${formatBytes(event.bytes)}`);
      case 'progress':
        return this.progress();
      case 'started':
        return;
      case 'exists':
      case 'mounted':
      case 'uploaded':
      case 'pulled':
        return this.tellBlob(event);
      default:
        return this.line(lineOf(event, this.style));
    }
  }

  end(succeeded: boolean): void {
    if (succeeded) this.line(doneLine(this.tally, this.style));
  }

  private tell(text: string): void {
    this.line(printable(text, LONGEST));
  }

  private progress(): void {
    const now = performance.now();
    if (now - this.lastLine < this.interval) return;
    this.lastLine = now;
    const { moved, planned, left } = this.tally;
    const share = planned && ` of ${formatBytes(planned.bytes)} (${percent(moved, planned.bytes)} %)`;
    const rate = this.tally.perSecond();
    const pace = rate === 0 ? [] : [formatRate(rate)];
    const time = left === undefined ? [] : [`${formatClock(left)} left`];
    this.tell([`${formatBytes(moved)}${share ?? ''}`, ...pace, ...time].join(', '));
  }

  private tellBlob({ state, blob, stored, repository }: BlobEnded): void {
    const { ended, blobs } = this.tally;
    const [size, kept] = [formatBytes(blob.size), formatBytes(stored)];
    const place = repository === undefined ? '' : ` in ${repository}`;
    const of = blobs === undefined ? '' : `/${blobs}`;
    const sizes = kept === size ? size : `${size} as ${kept}`;
    this.tell(`[${ended}${of}] ${OUTCOMES[state]} ${shortEntry(blob.name)} (${sizes})${place}`);
  }
}

/** Characters of a line that somebody else words. */
const LONGEST = 4000;

/** What is told as a line whoever shows the rest. */
export function lineOf(
  event: Extract<TransferEvent, { state: 'warning' | 'retry' | 'started' | 'tagged' }>,
  style: Style,
): string {
  switch (event.state) {
    case 'warning':
      return `${style.warning('warning:')} ${printable(event.message, LONGEST)}`;
    case 'tagged':
      return printable(`tagged ${event.reference}`, LONGEST);
    default:
      return printable(`retrying ${shortEntry(event.blob.name)}`, LONGEST);
  }
}

export function doneLine(tally: Tally, style: Style): string {
  return `${style.good('done:')} ${summaryOf(tally)}`;
}

function count(blobs: number): string {
  return `${blobs} blob${blobs === 1 ? '' : 's'}`;
}
