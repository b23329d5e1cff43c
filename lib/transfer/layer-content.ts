import type { Readable } from 'node:stream';
import type { ArchiveConfig, ArchiveLayer } from '../archive/archive-image.js';
import { DiffIdCheck } from '../archive/verification.js';
import type { Compressor } from '../compression/compressor.js';
import type { Packing } from '../compression/sniff.js';
import { Readable as ReadableStream } from 'node:stream';
import { Digester } from '../oci/digest.js';
import { MediaType } from '../oci/media-types.js';
import { tapStream } from '../oci/tap-stream.js';
import type { BlobContent, StreamedContent } from '../services/blob-service.js';

/** What a layer in the archive becomes in the registry, and what to call it while it does. */
export interface Content {
  /** Equal keys give equal blobs, so each is pushed once. */
  key: string;
  entry: string;
  /** Bytes in the archive. */
  size: number;
  /** In the archive; configs, which are in memory already, have -1. */
  position: number;
  /** How the pushed blob is packed. */
  packing: Packing;
  /** Whether sending it keeps a core busy. */
  compresses: boolean;
  /** Finds out what can be known before sending, and says how to get the bytes. `onRead` hears every byte taken from the archive. */
  prepare(onRead: (bytes: number) => void, signal: AbortSignal): Promise<BlobContent | StreamedContent>;
}

export function configContent({ entry, digest, bytes }: ArchiveConfig, mediaType: string): Content {
  const descriptor = { mediaType, digest, size: bytes.length };
  const open = (): Readable => ReadableStream.from([bytes], { objectMode: false });
  const prepare = (): Promise<BlobContent> => Promise.resolve({ descriptor, open });
  return { key: digest, entry, size: bytes.length, position: -1, packing: 'none', compresses: false, prepare };
}

/** @param compressor - for plain layers whose manifest is ours to write; absent to push them as they are */
export function layerContent(layer: ArchiveLayer, compressor: Compressor | undefined): Content {
  const { entry, size, position, packing, descriptor, diffId } = layer;
  const base = { entry, size, position, packing, compresses: false };
  if (descriptor) {
    return {
      ...base,
      key: descriptor.digest,
      prepare: (onRead) => Promise.resolve({ descriptor, open: () => checked(layer, onRead) }),
    };
  }
  // Named by where it lies: equal layers may be packed differently.
  if (packing !== 'none')
    return { ...base, key: `${entry} at ${position}`, prepare: (onRead, signal) => describe(layer, onRead, signal) };
  if (!compressor) {
    const plain = { mediaType: MediaType.dockerLayer, digest: diffId ?? '', size };
    return {
      ...base,
      key: plain.digest,
      prepare: (onRead) => Promise.resolve({ descriptor: plain, open: () => checked(layer, onRead) }),
    };
  }
  const open = (onRead: (bytes: number) => void): Readable => compressor.compress(checked(layer, onRead));
  return {
    ...base,
    packing: compressor.packing,
    compresses: true,
    key: `${diffId} as ${compressor.packing}`,
    prepare: (onRead) => Promise.resolve({ mediaType: MediaType.octetStream, open: () => open(onRead) }),
  };
}

/** The stored bytes, which fail at their end unless they are the layer the config names. */
function checked(layer: ArchiveLayer, onRead: (bytes: number) => void): Readable {
  const check = layer.diffId === undefined ? undefined : new DiffIdCheck(layer);
  return tapStream(layer.open(), {
    chunk: (chunk) => {
      onRead(chunk.length);
      return check?.update(chunk);
    },
    end: () => check?.finish(),
    close: () => check?.destroy(),
  });
}

/** A packed layer of `docker save`: nothing says its digest, so it is read once before the registry can be asked for it. */
async function describe(
  layer: ArchiveLayer,
  onRead: (bytes: number) => void,
  signal: AbortSignal,
): Promise<BlobContent> {
  const digester = new Digester();
  for await (const chunk of checked(layer, onRead)) {
    signal.throwIfAborted();
    digester.update(chunk as Buffer);
  }
  const { size } = digester;
  const descriptor = { mediaType: MediaType.octetStream, digest: digester.digest(), size };
  return { descriptor, open: () => layer.open() };
}
