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
  /** Waits as long as the fault says; rejects when the registry closes or the client leaves meanwhile. */
  pause: (gone: AbortSignal) => Promise<void>;
  /** Resolves when nothing needs to stand still any more. @param gone - that the client has left */
  stall: (gone: AbortSignal) => Promise<void>;
}

/** The bytes of `source` with the fault in them; chunk by chunk, and each as it is asked for, so that none is lost unread. */
export function faultyStream(source: Readable, fault: Fault, actions: FaultActions): Readable {
  const gone = new AbortController();
  const leave = (): void => gone.abort();
  // A source that was read to its end closes, too.
  source.once('close', () => source.readableEnded || leave());
  const stream = Readable.from(faultyChunks(source, fault, actions, gone.signal), {
    objectMode: false,
    highWaterMark: 1,
  });
  // Destroying it waits for the generator, so what the generator waits for has to end first.
  const destroy = stream._destroy.bind(stream);
  stream._destroy = (error, callback) => {
    leave();
    destroy(error, callback);
  };
  return stream;
}

type Chunks = AsyncIterable<Buffer>;

function faultyChunks(
  source: Readable,
  fault: Fault,
  { pause, stall, ...actions }: FaultActions,
  gone: AbortSignal,
): AsyncGenerator<Buffer> {
  const { truncateAfterBytes, flipBit } = fault;
  const chunks = chunksOf(source);
  const waiting: Actions = { ...actions, pause: () => pause(gone), stall: () => stall(gone) };
  if (truncateAfterBytes !== undefined) return truncated(chunks, truncateAfterBytes, waiting);
  return flipBit === undefined ? broken(chunks, fault, waiting) : flipped(chunks, flipBit, waiting);
}

/** {@link FaultActions} of one stream. */
interface Actions extends Pick<FaultActions, 'fire' | 'broken'> {
  pause: () => Promise<void>;
  stall: () => Promise<void>;
}

/** Breaks, or stands still before, as soon as so many bytes have passed, be they the last ones or not. */
async function* broken(source: Chunks, fault: Fault, actions: Actions): AsyncGenerator<Buffer> {
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

async function* truncated(source: Chunks, limit: number, actions: Actions): AsyncGenerator<Buffer> {
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

async function* flipped(source: Chunks, offset: number, actions: Actions): AsyncGenerator<Buffer> {
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
