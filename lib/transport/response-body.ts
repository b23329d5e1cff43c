import { Readable } from 'node:stream';
import { streamOf } from '../oci/byte-stream.js';
import type { TransportResponse } from './transport.js';

/** Reads until `limit` bytes or a little more have arrived, then drops the rest. `chunks` keeps what came before a failure. */
export async function readUpTo(body: Readable, limit: number, chunks: Buffer[] = []): Promise<Buffer> {
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= limit) break;
  }
  return Buffer.concat(chunks, size);
}

/**
 * A success with its body, up to a little more than `limit` bytes, already in memory; any other answer as it is.
 * @throws what the body fails with
 */
export async function readWhole(response: TransportResponse, limit: number): Promise<TransportResponse> {
  if (response.status < 200 || response.status > 299) return response;
  return { ...response, body: streamOf(await readUpTo(response.body, limit + 1)) };
}

const HELD_SIZE = 64 * 1024;

/**
 * The same response with its body, an error text of which at most about 64 KiB count, already in memory: its connection is
 * free while we think about an answer, and nothing leaks whatever that is. A body that dribbles is cut off after `patience` ms.
 */
export async function holdResponse(response: TransportResponse, patience = 1000): Promise<TransportResponse> {
  const chunks: Buffer[] = [];
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, patience)));
  // What has arrived before a broken end is all there is to show; the status is what counts.
  await Promise.race([readUpTo(response.body, HELD_SIZE, chunks).catch(() => undefined), late]);
  clearTimeout(timer);
  response.body.destroy();
  return { ...response, body: Readable.from(Buffer.concat(chunks), { objectMode: false }) };
}
