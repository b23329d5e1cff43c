import { buffers, POOLED } from './buffer-pool.js';

/** Copies small chunks into buffers of the pool and passes those on when they are full: what follows has less to do. */
export async function* inPooled(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let gathered = buffers.take();
  let length = 0;
  for await (const chunk of chunks) {
    for (let taken = 0; taken < chunk.length;) {
      const copied = chunk.copy(gathered, length, taken);
      taken += copied;
      length += copied;
      if (length < POOLED) continue;
      yield gathered;
      [gathered, length] = [buffers.take(), 0];
    }
  }
  if (length > 0) yield gathered.subarray(0, length);
}
