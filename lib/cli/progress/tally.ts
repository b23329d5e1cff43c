import { Rate } from './rate.js';
import type { BlobEnded, MovedBlob, Outcome, TransferEvent } from './transfer-event.js';

/** A blob of which bytes have moved, and that is not there yet. */
export interface BlobUnderWay {
  blob: MovedBlob;
  bytes: number;
  /** Milliseconds, of `performance.now()`. */
  since: number;
}

/** What a transfer has come to, for whoever shows it. */
export class Tally {
  /** Unknown while a stream passes. */
  planned: { blobs: number; bytes: number } | undefined;
  /** Bytes that are where they belong, those that were there before included. */
  moved = 0;
  /** Bytes that moved now, as they are in the archive, and as they went over the network. */
  readonly passed = { bytes: 0, sent: 0 };
  retries = 0;
  /** In the order in which they began. */
  readonly underWay = new Map<unknown, BlobUnderWay>();
  readonly start = performance.now();
  private rate = new Rate(this.start);
  /** What `moved` has of each blob. */
  private readonly credited = new Map<unknown, number>();
  private readonly sent = new Map<unknown, number>();
  private readonly outcomes = new Map<unknown, Outcome>();

  get ended(): number {
    return this.outcomes.size;
  }

  /** Those of the plan; a stream may have sent more than its archive turned out to need. */
  get blobs(): number | undefined {
    return this.planned && Math.max(this.planned.blobs, this.ended);
  }

  count(outcome: Outcome): number {
    return [...this.outcomes.values()].filter((one) => one === outcome).length;
  }

  /** Milliseconds. */
  get elapsed(): number {
    return performance.now() - this.start;
  }

  perSecond(): number {
    return this.rate.perSecond(performance.now());
  }

  /** Seconds, were all to go on as in the last seconds; undefined where nothing can be said. */
  get left(): number | undefined {
    const rate = this.perSecond();
    if (!this.planned || rate < 1) return undefined;
    return Math.max(0, this.planned.bytes - this.moved) / rate;
  }

  add(event: TransferEvent): void {
    switch (event.state) {
      case 'planned':
        return this.plan(event);
      case 'progress':
        return this.progress(event);
      case 'retry':
        return this.restart(event.blob);
      case 'exists':
      case 'mounted':
      case 'uploaded':
      case 'pulled':
        return this.end(event);
    }
  }

  private plan({ blobs, bytes }: { blobs: number; bytes: number }): void {
    if (this.planned) this.startOver();
    this.planned = { blobs, bytes };
  }

  private startOver(): void {
    this.moved = 0;
    for (const counted of [this.underWay, this.credited, this.sent, this.outcomes]) counted.clear();
  }

  private progress({ blob, ...counts }: { blob: MovedBlob; bytes: number; sent?: number }): void {
    const bytes = Math.min(counts.bytes, blob.size);
    const before = this.underWay.get(blob.id);
    if (before) before.bytes = bytes;
    else this.underWay.set(blob.id, { blob, bytes, since: performance.now() });
    // A blob may go into several repositories; it counts once.
    if (!this.outcomes.has(blob.id)) this.credit(blob, bytes, true);
    const sent = counts.sent ?? bytes;
    this.passed.sent += Math.max(0, sent - (this.sent.get(blob.id) ?? 0));
    this.sent.set(blob.id, sent);
  }

  private restart(blob: MovedBlob): void {
    this.retries++;
    this.underWay.delete(blob.id);
    this.sent.delete(blob.id);
    if (!this.outcomes.has(blob.id)) this.credit(blob, 0, false);
  }

  private end({ blob, state }: BlobEnded): void {
    this.credit(blob, blob.size, this.underWay.delete(blob.id));
    this.sent.delete(blob.id);
    if (!this.outcomes.has(blob.id)) this.outcomes.set(blob.id, state);
  }

  private credit({ id }: MovedBlob, bytes: number, isPassing: boolean): void {
    const more = bytes - (this.credited.get(id) ?? 0);
    this.credited.set(id, bytes);
    this.moved += more;
    if (!isPassing || more <= 0) return;
    this.passed.bytes += more;
    this.rate.add(more, performance.now());
  }
}
