/** What the events of pushes, pulls and copies have in common: a name, and the blob they are about, if any. */
export interface TransferEvent {
  /** What has happened: tells the events apart. */
  readonly state: string;
  /** Of a push: the content it is about. */
  readonly blob?: {
    /** Its name in the archive. */
    readonly entry: string;
  };
  /** Of a pull or a copy: the blob it is about. */
  readonly descriptor?: {
    /** `sha256:…` or `sha512:…`. */
    readonly digest: string;
  };
}

interface Slot<Event> {
  event: Event;
}

/**
 * Events that wait for whoever reads them, in their order. Counts of one blob that nobody has read yet give way to the latest, so
 * that a slow reader lets no more wait than there are blobs; every other event is kept.
 */
export class EventQueue<Event extends TransferEvent> {
  private readonly slots = new Set<Slot<Event>>();
  /** Where the counts of a blob wait; gone when something else is known of the blob. */
  private readonly counts = new Map<string, Slot<Event>>();

  add(event: Event): void {
    const blob = blobOf(event);
    const isCount = event.state === 'progress' && blob !== undefined;
    const waiting = isCount ? this.counts.get(blob) : undefined;
    if (waiting) {
      waiting.event = event;
      return;
    }
    const slot = { event };
    this.slots.add(slot);
    if (isCount) this.counts.set(blob, slot);
    else if (blob !== undefined) this.counts.delete(blob);
  }

  take(): Event | undefined {
    const [slot] = this.slots;
    if (slot === undefined) return undefined;
    this.slots.delete(slot);
    const blob = blobOf(slot.event);
    if (blob !== undefined && this.counts.get(blob) === slot) this.counts.delete(blob);
    return slot.event;
  }
}

function blobOf({ blob, descriptor }: TransferEvent): string | undefined {
  return blob?.entry ?? descriptor?.digest;
}
