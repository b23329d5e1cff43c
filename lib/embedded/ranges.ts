import { Refusal } from './registry-error.js';
import type { ByteRange } from './store.js';

/**
 * The bytes a `Range` header asks for, or `undefined` for all of them: without a header, and for several ranges or another
 * unit, which a server may ignore. Source: RFC 9110 section 14.2.
 * @throws Refusal RANGE_INVALID (416) when no byte of the range is there.
 */
export function requestedRange(header: string | undefined, size: number): ByteRange | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (!match) return undefined;
  const [, first = '', last = ''] = match;
  const start = first === '' ? size - Math.min(Number(last), size) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (start <= end) return { start, end };
  throw new Refusal('RANGE_INVALID', `no byte of ${header} is there, the blob has ${size}`, {
    headers: { 'content-range': `bytes */${size}` },
  });
}

/**
 * The bytes a chunk claims to be: `Content-Range: <start>-<end>`, both included, without a unit or a total.
 * Source: distribution-spec v1.1, "Pushing a blob in chunks".
 * @throws Refusal BLOB_UPLOAD_INVALID when the header is written in another way.
 */
export function chunkRange(header: string | undefined): ByteRange | undefined {
  if (header === undefined) return undefined;
  const match = /^(\d{1,15})-(\d{1,15})$/.exec(header);
  if (match) return { start: Number(match[1]), end: Number(match[2]) };
  throw new Refusal('BLOB_UPLOAD_INVALID', `Content-Range must be <start>-<end>, not ${header}`);
}
