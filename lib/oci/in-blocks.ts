import type { Readable } from 'node:stream';

/** Cuts a stream into blocks of exactly `size` bytes, the last one excepted. A chunk that already fits is not copied. */
export async function* inBlocks(source: Readable, size: number): AsyncGenerator<Buffer> {
  let pending: Buffer[] = [];
  let length = 0;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    let rest = chunk;
    while (length + rest.length >= size) {
      const taken = rest.subarray(0, size - length);
      rest = rest.subarray(taken.length);
      const block = pending.length === 0 ? taken : Buffer.concat([...pending, taken], size);
      // Not held any longer: whoever gets the block may keep it for a while.
      [pending, length] = [[], 0];
      yield block;
    }
    if (rest.length > 0) pending.push(rest);
    length += rest.length;
  }
  if (length > 0) yield Buffer.concat(pending, length);
}
