import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { chunksOf } from './message.js';
import type { Fault } from './fault.js';

/** What a fault does to the bytes that pass. */
export interface FaultActions {
  /** It happens now. */
  fire: () => void;
  /** What a broken connection looks like. */
  broken: () => Error;
  /** Resolves when nothing needs to stand still any more. */
  stall: () => Promise<void>;
}

/** The bytes of `source` with the fault in them; chunk by chunk, and each as it is asked for, so that none is lost unread. */
export function faultyStream(source: Readable, fault: Fault, actions: FaultActions): Readable {
  const chunks = faultyChunks(chunksOf(source), fault, actions);
  return Readable.from(chunks, { objectMode: false, highWaterMark: 1 });
}

function faultyChunks(source: AsyncIterable<Buffer>, fault: Fault, actions: FaultActions): AsyncGenerator<Buffer> {
  const { resetAfterBytes, stallAfterBytes, truncateAfterBytes, flipBit = 0 } = fault;
  if (resetAfterBytes !== undefined) return broken(source, resetAfterBytes, actions);
  if (stallAfterBytes !== undefined) return broken(source, stallAfterBytes, actions, actions.stall);
  if (truncateAfterBytes !== undefined) return truncated(source, truncateAfterBytes, actions);
  return flipped(source, flipBit, actions);
}

/** Breaks as soon as `limit` bytes have passed, be they the last ones or not. */
async function* broken(
  source: AsyncIterable<Buffer>,
  limit: number,
  { fire, broken }: FaultActions,
  before?: () => Promise<void>,
): AsyncGenerator<Buffer> {
  let left = limit;
  for await (const chunk of source) {
    yield chunk.subarray(0, left);
    left -= Math.min(left, chunk.length);
    if (left > 0) continue;
    fire();
    await before?.();
    // Out of the callback that reads from the socket: resetting a socket in there can end the process.
    await setImmediate();
    throw broken();
  }
}

async function* truncated(source: AsyncIterable<Buffer>, limit: number, actions: FaultActions): AsyncGenerator<Buffer> {
  let left = limit;
  for await (const chunk of source) {
    if (left > 0) yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left < 0) return actions.fire();
  }
}

async function* flipped(source: AsyncIterable<Buffer>, offset: number, actions: FaultActions): AsyncGenerator<Buffer> {
  let at = 0;
  for await (const chunk of source) {
    const index = offset - at;
    at += chunk.length;
    if (index < 0 || index >= chunk.length) yield chunk;
    else {
      actions.fire();
      const copy = Buffer.from(chunk);
      copy[index] = copy[index]! ^ 1;
      yield copy;
    }
  }
}
