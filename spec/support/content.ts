import { createCipheriv, createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

/** Bytes that can be produced again and again, so that a gigabyte of them needs no memory and no file. */
export interface Content {
  /** Bytes. */
  readonly size: number;
  chunks(): Iterable<Buffer>;
}

const CHUNK = 1024 * 1024;

/** Content held in memory. */
export function bytes(data: Buffer | string): Content {
  const buffer = Buffer.from(data);
  return { size: buffer.length, chunks: () => [buffer] };
}

/** Bytes no compressor can shrink, the same for the same seed. */
export function noise(size: number, seed = 'noise'): Content {
  const key = createHash('sha256').update(seed).digest();
  const zeros = Buffer.alloc(Math.min(size, CHUNK));
  return {
    size,
    *chunks() {
      const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
      for (let left = size; left > 0; left -= CHUNK) yield cipher.update(zeros.subarray(0, Math.min(left, CHUNK)));
    },
  };
}

/** Lines of text that compress well, as the files of a distribution do; the same for the same seed. */
export function text(size: number, seed = 'text'): Content {
  const page = Buffer.alloc(Math.min(size, CHUNK));
  for (let at = 0, line = 0; at < page.length; line += 1) at += page.write(textLine(seed, line), at, 'latin1');
  return {
    size,
    *chunks() {
      for (let start = 0; start < size; start += CHUNK) yield numbered(page, start, Math.min(CHUNK, size - start));
    },
  };
}

/** The gzip form of `content`; beyond a mebibyte as several members, so that it can be made piece by piece. */
export function gzip(content: Content, level = 1): Content {
  if (content.size <= CHUNK) return bytes(gzipSync(toBuffer(content), { level }));
  function* members() {
    for (const chunk of content.chunks()) yield gzipSync(chunk, { level });
  }
  let size = 0;
  for (const member of members()) size += member.length;
  return { size, chunks: members };
}

export function toBuffer(content: Content): Buffer {
  return Buffer.concat([...content.chunks()]);
}

/** `sha256:…` of the content, computed without holding it. */
export function digestOfContent(content: Content): string {
  const hash = createHash('sha256');
  for (const chunk of content.chunks()) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}

function textLine(seed: string, line: number): string {
  const word = createHash('md5').update(`${seed}${line}`).digest('hex').slice(0, 12);
  return `usr/share/doc/${word}/copyright: this line says what every other line says\n`;
}

/** The page with its offset on it, so that no two are equal and nothing can deduplicate them. */
function numbered(page: Buffer, start: number, length: number): Buffer {
  const copy = Buffer.from(page.subarray(0, length));
  if (length >= 16) copy.write(start.toString(16).padStart(16, '0'), 'latin1');
  return copy;
}
