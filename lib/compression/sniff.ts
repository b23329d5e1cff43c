/** What the first bytes of some content say it is packed with; `none` is anything unknown, a plain tar included. */
export type Packing = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz';

/** Bytes needed by {@link sniffPacking}. */
export const SNIFF_LENGTH = 10;

/** `undefined` stands for any byte. */
const MAGIC: readonly (readonly [Packing, readonly (number | undefined)[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  // "BZh" alone may begin the name of a file, with which a plain tar begins; the rest opens a block, or ends an empty file.
  ['bzip2', [0x42, 0x5a, 0x68, undefined, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59]],
  ['bzip2', [0x42, 0x5a, 0x68, undefined, 0x17, 0x72, 0x45, 0x38, 0x50, 0x90]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
];

/** Names lie (rules_oci calls every layer `.tar.gz`), so only the bytes are asked. */
export function sniffPacking(start: Uint8Array): Packing {
  if (isSkippableZstdFrame(start)) return 'zstd';
  const isMagic = (byte: number | undefined, i: number): boolean => byte === undefined || start[i] === byte;
  return MAGIC.find(([, magic]) => magic.every(isMagic))?.[0] ?? 'none';
}

/** RFC 8878 §3.1.2: 0x184D2A50 to 0x184D2A5F, little-endian. */
function isSkippableZstdFrame(start: Uint8Array): boolean {
  return ((start[0] ?? 0) & 0xf0) === 0x50 && start[1] === 0x2a && start[2] === 0x4d && start[3] === 0x18;
}
