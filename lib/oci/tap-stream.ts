import { Readable } from 'node:stream';

export interface Tap {
  /** Sees every chunk before it is passed on, which waits for it. */
  chunk(chunk: Buffer): void | Promise<void>;
  /**
   * Called when every chunk has been seen, and before the last one is passed on: what it throws, the stream fails with, so
   * that nobody ever gets all of a content that is wrong.
   */
  verify?(): void | Promise<void>;
  /** Called when everything has passed, before the stream ends. */
  end?(): void;
  /** Called once, whatever the outcome. */
  close?(): void;
}

/** Looks at the bytes of a stream as they pass. Destroying the result destroys `source`. */
export function tapStream(source: Readable, tap: Tap): Readable {
  return derivedStream(source, tap.verify ? heldBack(source, tap) : passed(source, tap), () => tap.close?.());
}

/**
 * A stream of what a generator makes of `source`. `Readable.from` alone, when destroyed, waits for the generator's pending
 * step, which may be waiting for a source that never speaks again: destroying the source first ends that wait.
 */
export function derivedStream(source: Readable, chunks: AsyncGenerator<Buffer>, close?: () => void): Readable {
  // Nothing is taken ahead: only the first stream of a chain reads before it is asked, or each would hold a chunk of its own.
  const stream = Readable.from(chunks, { objectMode: false, highWaterMark: 0 });
  const destroy = stream._destroy.bind(stream);
  // A source that fails before anybody reads is told to the first who does; with no listener the process would end.
  source.on('error', () => undefined);
  stream._destroy = (error, done): void => {
    source.destroy();
    close?.();
    destroy(error, done);
  };
  return stream;
}

async function* passed(source: Readable, tap: Tap): AsyncGenerator<Buffer> {
  for await (const chunk of source as AsyncIterable<Buffer>) {
    await tap.chunk(chunk);
    yield chunk;
  }
  tap.end?.();
}

async function* heldBack(source: Readable, tap: Tap): AsyncGenerator<Buffer> {
  let last: Buffer | undefined;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    if (last) yield last;
    await tap.chunk(chunk);
    last = chunk;
  }
  await tap.verify?.();
  if (last) yield last;
  tap.end?.();
}
