import { printable } from '../redact.js';
import { formatBytes } from './format.js';

/** Tells a transfer of blobs as plain lines: what is planned, each blob as it ends, and now and then how far it is. */
export class TransferLines {
  /** Unknown while a stream passes. */
  private planned: { blobs: number; bytes: number } | undefined;
  private readonly moved = new Map<unknown, number>();
  private readonly ended = new Set<unknown>();
  private lastLine = performance.now();

  /** @param interval - milliseconds between two lines about bytes */
  constructor(
    private readonly line: (text: string) => void,
    private readonly interval: number,
  ) {}

  /** What this says may come from an archive or a registry. */
  tell(text: string): void {
    this.line(printable(text, 4000));
  }

  /** A second time all starts over. */
  plan(doing: string, planned: { blobs: number; bytes: number }): void {
    if (this.planned) for (const counted of [this.moved, this.ended]) counted.clear();
    const { blobs, bytes } = (this.planned = planned);
    this.tell(`${doing} ${blobs} blob${blobs === 1 ? '' : 's'}, ${formatBytes(bytes)}`);
  }

  /** @param blob - anything that stands for the blob, the same one each time */
  progress(blob: unknown, bytes: number, size: number): void {
    this.moved.set(blob, Math.min(bytes, size));
    const now = performance.now();
    if (now - this.lastLine < this.interval) return;
    this.lastLine = now;
    const moved = [...this.moved.values()].reduce((sum, one) => sum + one, 0);
    this.tell(`${formatBytes(moved)}${this.planned ? ` of ${share(moved, this.planned.bytes)}` : ''}`);
  }

  restart(blob: unknown, name: string): void {
    this.moved.delete(blob);
    this.tell(`retrying ${name}`);
  }

  end(blob: unknown, size: number, text: string): void {
    this.ended.add(blob);
    this.moved.set(blob, size);
    const ended = this.ended.size;
    // A stream may have sent more than its archive turned out to need.
    this.tell(`[${ended}${this.planned ? `/${Math.max(ended, this.planned.blobs)}` : ''}] ${text}`);
  }
}

function share(moved: number, bytes: number): string {
  return `${formatBytes(bytes)} (${bytes === 0 ? 100 : Math.min(100, Math.floor((moved / bytes) * 100))} %)`;
}
