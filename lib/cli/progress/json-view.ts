import { formatJson } from '../format.js';
import { Tally } from './tally.js';
import type { MovedBlob, Transfer, TransferEvent, TransferView } from './transfer-event.js';

/** Tells a transfer to programs: one JSON object per line, as docs/progress.md says. */
export class JsonView implements TransferView {
  private readonly tally = new Tally();
  /** When bytes of a blob were last told. */
  private readonly told = new Map<unknown, number>();

  /** @param interval - milliseconds between two lines about bytes of one blob */
  constructor(
    private readonly transfer: Transfer,
    private readonly write: (line: string) => void,
    private readonly interval = 1000,
  ) {}

  report(event: TransferEvent): void {
    this.tally.add(event);
    switch (event.state) {
      case 'planned':
        return this.tell({ state: event.state, transfer: this.transfer, blobs: event.blobs, bytes: event.bytes });
      case 'progress':
        return this.progress(event.blob, event.bytes, event.sent);
      case 'warning':
        return this.tell({ state: event.state, message: event.message });
      case 'tagged':
        return this.tell({ state: event.state, reference: event.reference, digest: event.digest });
      default: {
        const { state, blob, ...rest } = event;
        this.tell({ state, ...naming(blob), ...rest });
      }
    }
  }

  end(succeeded: boolean): void {
    if (!succeeded) return;
    const { tally, transfer } = this;
    const [uploaded, pulled] = [tally.count('uploaded'), tally.count('pulled')];
    const counts = { uploaded, pulled, mounted: tally.count('mounted'), exists: tally.count('exists') };
    const { passed, retries, elapsed } = tally;
    this.tell({ state: 'done', transfer, ...counts, retries, ...passed, milliseconds: Math.round(elapsed) });
  }

  private progress(blob: MovedBlob, bytes: number, sent = bytes): void {
    const now = performance.now();
    if (now - (this.told.get(blob.id) ?? -Infinity) < this.interval) return;
    this.told.set(blob.id, now);
    const { moved, planned } = this.tally;
    const total = planned && { totalBytes: planned.bytes };
    this.tell({ state: 'progress', ...naming(blob), bytes, sent, movedBytes: moved, ...total });
  }

  private tell(object: object): void {
    this.write(formatJson(object, 0));
  }
}

function naming({ name, size }: MovedBlob): { blob: string; size: number } {
  return { blob: name, size };
}
