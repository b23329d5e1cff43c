import { gunzipSync } from 'node:zlib';
import { type LayoutFile, TarLayout } from '../archive/tar-layout.js';
import { InvalidArgumentError } from '../errors.js';
import { digestOf } from '../oci/digest.js';
import { MediaType } from '../oci/media-types.js';

/** Files by path, or the bytes of a tar, plain or packed with gzip. */
export type LayerContent = Readonly<Record<string, string | Uint8Array>> | Uint8Array;

export interface TestBlob {
  bytes: Buffer;
  digest: string;
}

export interface TestLayer extends TestBlob {
  mediaType: string;
  /** Digest of the unpacked tar. */
  diffId: string;
}

/** @throws InvalidArgumentError for a file without a name or a content, or gzip that is none. */
export function layerOf(content: LayerContent): TestLayer {
  const blob = blobOf(content instanceof Uint8Array ? content : tarOf(Object.entries(content).map(fileOf)));
  const isPacked = blob.bytes[0] === 0x1f && blob.bytes[1] === 0x8b;
  if (!isPacked) return { ...blob, mediaType: MediaType.ociLayer, diffId: blob.digest };
  return { ...blob, mediaType: MediaType.ociLayerGzip, diffId: digestOf(unpacked(blob.bytes)) };
}

export function blobOf(content: Uint8Array | string): TestBlob {
  const bytes = Buffer.from(content);
  return { bytes, digest: digestOf(bytes) };
}

/** A tar without times and owners. */
export function tarOf(files: readonly LayoutFile[]): Buffer {
  const placed = new TarLayout(files).files;
  const parts = placed.flatMap(({ header, bytes = Buffer.alloc(0), padding }) => [
    header,
    bytes,
    Buffer.alloc(padding),
  ]);
  return Buffer.concat([...parts, TarLayout.END]);
}

function fileOf([name, content]: [string, string | Uint8Array]): LayoutFile {
  const isContent = typeof content === 'string' || content instanceof Uint8Array;
  if (name === '' || !isContent)
    throw new InvalidArgumentError(`the file "${name}" of a layer needs a name and a content`);
  const bytes = Buffer.from(content as Uint8Array);
  return { name, size: bytes.length, bytes };
}

function unpacked(bytes: Buffer): Buffer {
  try {
    return gunzipSync(bytes);
  } catch (cause) {
    throw new InvalidArgumentError('a layer begins like gzip but cannot be unpacked', { cause });
  }
}
