/** Counts what of one content was handed to the network, over all tries. */
export class SentBytes {
  /** Broken tries included. */
  total = 0;
  private current = 0;
  private run = 0;

  /** @param onSent - hears of bytes sent, and, negative, of those taken back because the content is sent again */
  constructor(private readonly onSent: (bytes: number) => void = () => undefined) {}

  /**
   * The content is sent from byte `from` on; what is before that has arrived.
   * @returns counts for this sending, and for nobody once another has begun
   */
  begin(from = 0): (bytes: number) => void {
    const run = ++this.run;
    if (this.current > 0) this.onSent(-this.current);
    this.current = from;
    if (from > 0) this.onSent(from);
    return (bytes) => {
      if (run !== this.run) return;
      this.total += bytes;
      this.current += bytes;
      this.onSent(bytes);
    };
  }

  /** Bytes that were handed over in vain. */
  waste(bytes: number): void {
    this.total += bytes;
  }
}
