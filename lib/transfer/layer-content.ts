import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { ArchiveConfig, ArchiveLayer } from '../archive/archive-image.js';
import { invalid } from '../archive/problems.js';
import { DiffIdCheck } from '../archive/verification.js';
import type { Compressor } from '../compression/compressor.js';
import type { Packing } from '../compression/sniff.js';
import { streamOf } from '../oci/byte-stream.js';
import type { Descriptor } from '../oci/descriptor.js';
import { algorithmOf, Digester, digestOf } from '../oci/digest.js';
import { MediaType } from '../oci/media-types.js';
import { tapStream } from '../oci/tap-stream.js';
import type { BlobContent, StreamedContent } from '../services/blob-service.js';

/** What a layer in the archive becomes in the registry, and what to call it while it does. */
export interface Content {
  /** Equal keys give equal blobs, so each is pushed once. */
  key: string;
  entry: string;
  /** What its plain bytes must hash to; undefined for configs and the layers of artifacts. */
  diffId: string | undefined;
  /** Bytes in the archive. */
  size: number;
  /** In the archive; configs, which are in memory already, have -1. */
  position: number;
  /** How the pushed blob is packed. */
  packing: Packing;
  /** Whether sending it keeps a core busy. */
  compresses: boolean;
  /** Finds out what can be known before sending, and says how to get the bytes. `onRead` hears every byte taken from the archive. */
  prepare(onRead: OnRead, signal: AbortSignal): Promise<BlobContent | StreamedContent>;
  /** Reads it to its end. @throws ValidationError when it is not what the archive says */
  verify?(signal: AbortSignal): Promise<void>;
}

/** Bytes that are sent faster than a round trip takes: a plain layer is packed in memory, a blob sent without asking for it. */
export const SMALL_BLOB = 256 * 1024;

type OnRead = (bytes: number) => void;

export function configContent({ entry, digest, bytes }: ArchiveConfig, mediaType: string): Content {
  const descriptor = { mediaType, digest, size: bytes.length };
  const open = (): Readable => streamOf(bytes);
  const prepare = (): Promise<BlobContent> => Promise.resolve({ descriptor, open });
  const base = {
    entry,
    diffId: undefined,
    size: bytes.length,
    position: -1,
    packing: 'none',
    compresses: false,
  } as const;
  return { ...base, key: digest, prepare };
}

/** @param compressor - for plain layers that no manifest of the archive describes; absent to push them as they are */
export function layerContent(layer: ArchiveLayer, compressor: Compressor | undefined): Content {
  const { descriptor, packing, size, diffId } = layer;
  if (descriptor) return namedContent(layer, descriptor);
  if (packing !== 'none') return packedContent(layer);
  if (compressor) return compressedContent(layer, compressor);
  return namedContent(layer, { mediaType: MediaType.dockerLayer, digest: diffId as string, size });
}

/** Goes byte for byte under a digest that is known. */
function namedContent(layer: ArchiveLayer, descriptor: Descriptor): Content {
  return {
    ...placeOf(layer),
    key: descriptor.digest,
    prepare: (onRead) => Promise.resolve({ descriptor, open: () => checked(layer, onRead) }),
  };
}

/** A packed layer of `docker save`: nothing says its digest, so it is read once before the registry can be asked for it. */
function packedContent(layer: ArchiveLayer): Content {
  return {
    ...placeOf(layer),
    // Named by where it lies: equal layers may be packed differently, and links give one several names.
    key: `at ${layer.position}`,
    prepare: async (onRead, signal) => ({
      descriptor: await describe(layer, onRead, signal),
      open: () => layer.open(),
    }),
  };
}

/** Under which a packed layer is known from one push to the next. */
export function packedKey(diffId: string, packing: Packing): string {
  return `${diffId} as ${packing}`;
}

/** Gets its digest while it is sent. */
function compressedContent(layer: ArchiveLayer, compressor: Compressor): Content {
  const { packing } = compressor;
  return {
    ...placeOf(layer),
    packing,
    compresses: true,
    key: packedKey(layer.diffId as string, packing),
    prepare: async (onRead) => {
      const open = (): Readable => compressor.compress(checked(layer, onRead), layer.size);
      if (layer.size > SMALL_BLOB) return { mediaType: MediaType.octetStream, open };
      return inMemory(await buffer(open()));
    },
  };
}

/** With its digest known before it is sent, a round trip less is needed. */
function inMemory(bytes: Buffer): BlobContent {
  const descriptor = { mediaType: MediaType.octetStream, digest: digestOf(bytes), size: bytes.length };
  return { descriptor, open: () => streamOf(bytes) };
}

function placeOf(layer: ArchiveLayer): Omit<Content, 'key' | 'prepare'> {
  const { entry, diffId, size, position, packing } = layer;
  const verify = async (signal: AbortSignal): Promise<void> => {
    for await (const _ of checked(layer, () => undefined)) signal.throwIfAborted();
  };
  return { entry, diffId, size, position, packing, compresses: false, verify };
}

/** The stored bytes, which fail at their end unless they are the layer that the config, or the manifest of an artifact, names. */
function checked(layer: ArchiveLayer, onRead: OnRead): Readable {
  const check = checkOf(layer);
  return tapStream(layer.open(), {
    chunk: (chunk) => {
      onRead(chunk.length);
      return check?.update(chunk);
    },
    verify: () => check?.finish(),
    close: () => check?.destroy?.(),
  });
}

interface Check {
  update(chunk: Buffer): void | Promise<void>;
  finish(): void | Promise<void>;
  destroy?(): void;
}

function checkOf(layer: ArchiveLayer): Check | undefined {
  if (layer.diffId !== undefined) return new DiffIdCheck(layer);
  return layer.descriptor && digestCheck(layer.entry, layer.descriptor.digest);
}

function digestCheck(entry: string, digest: string): Check {
  const digester = new Digester(algorithmOf(digest));
  return {
    update: (chunk) => void digester.update(chunk),
    finish: () => {
      const actual = digester.digest();
      if (actual !== digest) throw invalid(entry, `has the digest ${actual}, but its manifest says ${digest}`);
    },
  };
}

async function describe(layer: ArchiveLayer, onRead: OnRead, signal: AbortSignal): Promise<Descriptor> {
  const digester = new Digester();
  for await (const chunk of checked(layer, onRead)) {
    signal.throwIfAborted();
    digester.update(chunk as Buffer);
  }
  return { mediaType: MediaType.octetStream, size: digester.size, digest: digester.digest() };
}
