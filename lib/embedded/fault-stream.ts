import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { Fault } from './fault.js';
import { chunksOf } from './message.js';

/** What a fault does when its bytes have passed. */
export interface FaultActions {
  /** Asked when the bytes have passed; false when it is another request's turn. */
  fire: () => boolean;
  /** What a broken connection looks like. */
  broken: () => Error;
  /** Waits as long as the fault says; rejects when the registry closes meanwhile. */
  pause: () => Promise<void>;
  /** Resolves when nothing needs to stand still any more. */
  stall: () => Promise<void>;
}

/** The bytes of `source` with the fault in them; chunk by chunk, and each as it is asked for, so that none is lost unread. */
export function faultyStream(source: Readable, fault: Fault, actions: FaultActions): Readable {
  const { truncateAfterBytes, flipBit } = fault;
  const chunks = chunksOf(source);
  const faulty =
    truncateAfterBytes !== undefined
      ? truncated(chunks, truncateAfterBytes, actions)
      : flipBit !== undefined
        ? flipped(chunks, flipBit, actions)
        : broken(chunks, fault, actions);
  return Readable.from(faulty, { objectMode: false, highWaterMark: 1 });
}

type Chunks = AsyncIterable<Buffer>;

/** Breaks, or stands still before, as soon as so many bytes have passed, be they the last ones or not. */
async function* broken(source: Chunks, fault: Fault, actions: FaultActions): AsyncGenerator<Buffer> {
  let left = fault.resetAfterBytes ?? fault.stallAfterBytes ?? Infinity;
  for await (const chunk of source) {
    const passing = chunk.subarray(0, left);
    yield passing;
    left -= passing.length;
    if (left > 0) continue;
    if (actions.fire()) {
      await actions.pause();
      if (fault.stallAfterBytes !== undefined) await actions.stall();
      // Out of the callback that reads from the socket: resetting a socket in there can end the process.
      await setImmediate();
      throw actions.broken();
    }
    left = Infinity;
    yield chunk.subarray(passing.length);
  }
}

async function* truncated(source: Chunks, limit: number, actions: FaultActions): AsyncGenerator<Buffer> {
  let left = limit;
  for await (const chunk of source) {
    const passing = chunk.subarray(0, left);
    if (passing.length > 0) yield passing;
    left -= passing.length;
    if (passing.length === chunk.length) continue;
    if (actions.fire()) return actions.pause();
    left = Infinity;
    yield chunk.subarray(passing.length);
  }
}

async function* flipped(source: Chunks, offset: number, actions: FaultActions): AsyncGenerator<Buffer> {
  let at = 0;
  for await (const chunk of source) {
    const index = offset - at;
    at += chunk.length;
    if (index < 0 || index >= chunk.length || !actions.fire()) yield chunk;
    else {
      await actions.pause();
      const copy = Buffer.from(chunk);
      copy[index] = (copy[index] as number) ^ 1;
      yield copy;
    }
  }
}
