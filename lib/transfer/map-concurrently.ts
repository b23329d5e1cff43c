type Settled<R> = { kind: 'result'; key: object; value: R } | { kind: 'item' };

/**
 * Applies `work` to every item as it comes, at most `most` at once, and yields results in the order they arrive. Items are
 * taken from the source only as fast as results are taken from here.
 */
export async function* mapConcurrently<T, R>(
  source: AsyncIterable<T>,
  most: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const items = source[Symbol.asyncIterator]();
  const running = new Map<object, Promise<Settled<R>>>();
  let next: Promise<IteratorResult<T>> | undefined;
  let isOver = false;
  try {
    while (!isOver || running.size > 0) {
      if (!isOver && running.size < most) next ??= silenced(items.next());
      const racers = [...running.values(), ...(next ? [next.then(() => ({ kind: 'item' }) as const)] : [])];
      const first = await Promise.race(racers);
      if (first.kind === 'result') {
        running.delete(first.key);
        yield first.value;
      } else {
        const item = await (next as Promise<IteratorResult<T>>);
        next = undefined;
        if (item.done) isOver = true;
        else start(running, work(item.value));
      }
    }
  } finally {
    await items.return?.();
  }
}

function start<R>(running: Map<object, Promise<Settled<R>>>, work: Promise<R>): void {
  const key = {};
  running.set(key, silenced(work.then((value) => ({ kind: 'result', key, value }))));
}

/** A failure is thrown where it is waited for; the others, which nobody waits for any more, must not end the process. */
function silenced<P extends Promise<unknown>>(promise: P): P {
  promise.catch(() => undefined);
  return promise;
}
