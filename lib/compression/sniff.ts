import type { Readable } from 'node:stream';
import * as zlib from 'node:zlib';

/** What the first bytes of some content say it is packed with; `none` is anything unknown, a plain tar included. */
export type Packing = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz';

/** Bytes needed by {@link sniffPacking}. */
export const SNIFF_LENGTH = 6;

const MAGIC: readonly (readonly [Packing, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
];

/** Names lie (rules_oci calls every layer `.tar.gz`), so only the bytes are asked. */
export function sniffPacking(start: Uint8Array): Packing {
  if (isSkippableZstdFrame(start)) return 'zstd';
  return MAGIC.find(([, magic]) => magic.every((byte, i) => start[i] === byte))?.[0] ?? 'none';
}

/** A stream that unpacks, or `undefined` where this Node cannot (zstd before 22.15, bzip2 and xz always). */
export function createUnpacker(packing: Packing): (NodeJS.ReadWriteStream & Readable) | undefined {
  const chunkSize = 256 * 1024;
  if (packing === 'gzip') return zlib.createGunzip({ chunkSize });
  if (packing === 'zstd') return zstd()?.({ chunkSize });
  return undefined;
}

/** RFC 8878 §3.1.2: 0x184D2A50 to 0x184D2A5F, little-endian. */
function isSkippableZstdFrame(start: Uint8Array): boolean {
  return ((start[0] ?? 0) & 0xf0) === 0x50 && start[1] === 0x2a && start[2] === 0x4d && start[3] === 0x18;
}

/** The types of Node 20 do not know zstd; the runtime may. */
function zstd(): typeof zlib.createGunzip | undefined {
  return (zlib as { createZstdDecompress?: typeof zlib.createGunzip }).createZstdDecompress;
}
