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
  const result = Readable.from(chunks(), { objectMode: false, highWaterMark: 1024 * 1024 });
  result.once('close', () => {
    source.destroy();
    tap.close?.();
  });
  return result;
}
