import { Readable } from 'node:stream';

export interface Tap {
  /** Sees every chunk before it is passed on, which waits for it. */
  chunk(chunk: Buffer): void | Promise<void>;
  /** Called when everything has passed, before the stream ends; what it throws, the stream fails with. */
  end?(): void | Promise<void>;
  /** Called once, whatever the outcome. */
  close?(): void;
}

/** Looks at the bytes of a stream as they pass. Destroying the result destroys `source`. */
export function tapStream(source: Readable, tap: Tap): Readable {
  async function* chunks(): AsyncGenerator<Buffer> {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      await tap.chunk(chunk);
      yield chunk;
    }
    await tap.end?.();
  }
  return derivedStream(source, chunks(), () => tap.close?.());
}

/**
 * A stream of what a generator makes of `source`. `Readable.from` alone, when destroyed, waits for the generator's pending
 * step, which may be waiting for a source that never speaks again: destroying the source first ends that wait.
 */
export function derivedStream(source: Readable, chunks: AsyncGenerator<Buffer>, close?: () => void): Readable {
  const stream = Readable.from(chunks, { objectMode: false, highWaterMark: 1024 * 1024 });
  const destroy = stream._destroy.bind(stream);
  stream._destroy = (error, done): void => {
    source.destroy();
    close?.();
    destroy(error, done);
  };
  return stream;
}
