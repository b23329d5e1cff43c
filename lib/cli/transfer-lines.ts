import { printable } from '../redact.js';
import { formatBytes } from './format.js';

/** Tells a transfer of blobs as plain lines: what is planned, each blob as it ends, and now and then how far it is. */
export class TransferLines {
  private blobs = 0;
  private bytes = 0;
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

  plan(doing: string, { blobs, bytes }: { blobs: number; bytes: number }): void {
    [this.blobs, this.bytes] = [blobs, bytes];
    this.tell(`${doing} ${blobs} blob${blobs === 1 ? '' : 's'}, ${formatBytes(bytes)}`);
  }

  /** @param blob - anything that stands for the blob, the same one each time */
  progress(blob: unknown, bytes: number, size: number): void {
    this.moved.set(blob, Math.min(bytes, size));
    const now = performance.now();
    if (now - this.lastLine < this.interval) return;
    this.lastLine = now;
    const moved = [...this.moved.values()].reduce((sum, one) => sum + one, 0);
    const share = this.bytes === 0 ? 100 : Math.floor((moved / this.bytes) * 100);
    this.tell(`${formatBytes(moved)} of ${formatBytes(this.bytes)} (${share} %)`);
  }

  restart(blob: unknown, name: string): void {
    this.moved.delete(blob);
    this.tell(`retrying ${name}`);
  }

  end(blob: unknown, size: number, text: string): void {
    this.ended.add(blob);
    this.moved.set(blob, size);
    this.tell(`[${this.ended.size}/${this.blobs}] ${text}`);
  }
}
