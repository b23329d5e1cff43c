import { Readable } from 'node:stream';
import { TarReadError } from '../errors.js';
import { POOLED } from '../oci/buffer-pool.js';
import { printable } from '../redact.js';
import type { ArchiveSource } from './archive-source.js';

/** Bytes read at once: a buffer of the pool. Node's default of 64 KiB costs throughput. */
export const CHUNK = POOLED;

/** A stretch of a tar. */
export interface ContentRange {
  /** Of the entry it is, for messages. */
  name: string;
  /** Of the first byte. */
  position: number;
  /** Bytes. */
  size: number;
}

/** Streams a range of a source that can be read anywhere at any time. */
export function openRange(source: Pick<ArchiveSource, 'name' | 'read'>, range: ContentRange): Readable {
  return Readable.from(chunksOf(source, range), { objectMode: false, highWaterMark: CHUNK });
}

/** There are fewer bytes than the headers promise. */
export function cutShort(archive: string, entry: string): TarReadError {
  return new TarReadError(`${archive} is cut short inside ${printable(entry, 300)}`, {
    hint: 'Save the image again: docker save did not finish, or the copy was incomplete.',
  });
}

/** The file lost bytes that its headers, read before, had promised. */
export function shortened(archive: string, entry: string): TarReadError {
  return new TarReadError(`${archive} ended inside ${printable(entry, 300)}`, {
    hint: 'The file changed while it was read, or was cut short: write it again.',
  });
}

async function* chunksOf(
  source: Pick<ArchiveSource, 'name' | 'read'>,
  { name, position, size }: ContentRange,
): AsyncGenerator<Buffer> {
  const end = position + size;
  for (let at = position; at < end;) {
    const chunk = await source.read(at, Math.min(CHUNK, end - at));
    if (chunk.length === 0) throw shortened(source.name, name);
    yield chunk;
    at += chunk.length;
  }
}
