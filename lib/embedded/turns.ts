/** Work under the same key is done one after another; under different keys, at once. */
export class Turns {
  private readonly last = new Map<string, Promise<unknown>>();

  async take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.last.get(key) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.last.get(key) === mine) this.last.delete(key);
    }
  }

  /** Resolves when the work that was taken on so far is done, well or not. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.last.values());
  }
}
