import { isDense } from './density.js';

/** RFC 1951 §3.2.4: what one stored block holds at most. */
const MOST_STORED = 0xffff;

/**
 * What is packed already hardly shrinks, so it is not deflated.
 * @returns headers and parts of the block itself; undefined for what is worth the work
 */
export function storedBlocks(block: Buffer): Buffer[] | undefined {
  if (!isDense(block)) return undefined;
  const parts: Buffer[] = [];
  for (let at = 0; at < block.length; at += MOST_STORED) {
    const part = block.subarray(at, at + MOST_STORED);
    parts.push(storedHeader(part.length), part);
  }
  return parts;
}

/** Not the last block, stored; its length, and the same with all bits turned. */
function storedHeader(length: number): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt16LE(length, 1);
  header.writeUInt16LE(length ^ 0xffff, 3);
  return header;
}
