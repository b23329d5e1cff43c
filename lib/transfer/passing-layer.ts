import type { Readable } from 'node:stream';
import type { PassingEntry } from '../archive/tar-stream.js';
import { PlainDigest } from '../archive/plain-digest.js';
import { invalid } from '../archive/problems.js';
import type { Compressor } from '../compression/compressor.js';
import type { Packing } from '../compression/sniff.js';
import { ValidationError } from '../errors.js';
import { algorithmOf, Digester } from '../oci/digest.js';
import { MediaType } from '../oci/media-types.js';
import { tapStream } from '../oci/tap-stream.js';
import type { BlobContent, PushedBlob, StreamedContent } from '../services/blob-service.js';
import { type Content, packedKey } from './layer-content.js';
import type { SentLayer } from './sent-layers.js';

type OnRead = (bytes: number) => void;

/** How an entry looks, which is all that is known of it while it passes. */
export interface LayerLook {
  /** Of the stored bytes. */
  packing: Packing;
  /** The digest that its name in an OCI layout claims, when it is to be stored as it is. */
  digest?: string | undefined;
  /** When it is plain and to be packed. */
  compressor?: Compressor | undefined;
  /** The digest of a plain layer to be packed, as its name in an OCI layout has it. */
  diffId?: string | undefined;
}

/** An entry on its way into the registry, which may turn out to be a layer. Its digests are computed as it passes. */
export class PassingLayer {
  readonly content: Content;
  /** The same as its name has it, under which it may be known; absent when that says nothing. */
  readonly named: Content | undefined;
  private plain: string | ValidationError | undefined;

  constructor(
    private readonly passing: PassingEntry,
    private readonly look: LayerLook,
  ) {
    const { name, size, position } = passing.entry;
    const { packing, compressor } = look;
    this.content = {
      key: `at ${position}`,
      entry: name,
      diffId: undefined,
      size,
      position,
      packing: compressor?.packing ?? packing,
      compresses: compressor !== undefined,
      prepare: (onRead) => Promise.resolve(this.prepare(onRead)),
    };
    const { diffId } = look;
    this.named =
      diffId === undefined ? undefined : { ...this.content, diffId, key: packedKey(diffId, this.content.packing) };
  }

  /** Whether it can be sent from its start: once more, if it was sent before. */
  get canOpen(): boolean {
    return this.passing.content.canOpen;
  }

  /** It has been sent. @returns what is known of it now */
  sent(pushed: PushedBlob): SentLayer {
    this.passing.content.release();
    const { packing } = this.content;
    // Plain in the archive and in the registry, it is its own plain form.
    const isPlain = packing === 'none' && pushed.outcome === 'uploaded';
    return { packing, plain: isPlain ? pushed.descriptor.digest : this.plain, pushed };
  }

  /** Reads past it, for the registry has it. @returns its digest @throws ValidationError when that is not its name */
  async skip(onRead: OnRead): Promise<string> {
    const { diffId = '' } = this.look;
    const digester = new Digester(algorithmOf(diffId));
    for await (const chunk of this.passing.content.open() as AsyncIterable<Buffer>) {
      digester.update(chunk);
      onRead(chunk.length);
    }
    const actual = digester.digest();
    if (actual !== diffId) throw misnamed(this.content.entry, actual);
    return actual;
  }

  private prepare(onRead: OnRead): BlobContent | StreamedContent {
    const { digest, compressor } = this.look;
    const { size } = this.passing.entry;
    const mediaType = MediaType.octetStream;
    const canOpen = (): boolean => this.canOpen;
    if (compressor) return { mediaType, canOpen, open: () => compressor.compress(this.read(onRead), size) };
    const open = (): Readable => this.read(onRead);
    return digest === undefined
      ? { mediaType, canOpen, open }
      : { descriptor: { mediaType, digest, size }, canOpen, open };
  }

  /** The stored bytes, which fail at their end unless they are what their name claims. */
  private read(onRead: OnRead): Readable {
    const { digest } = this.look;
    const stored = digest === undefined ? undefined : new Digester(algorithmOf(digest));
    const plain = this.content.packing === 'none' ? undefined : this.plainDigest();
    const chunk = async (bytes: Buffer): Promise<void> => {
      onRead(bytes.length);
      stored?.update(bytes);
      // An artifact need not be what it looks like. If it is a layer, this is told later.
      await plain?.update(bytes).catch(asProblem);
    };
    const verify = async (): Promise<void> => {
      if (plain) this.plain = await plain.digest().catch(asProblem);
      const actual = stored?.digest();
      if (actual !== digest) throw misnamed(this.content.entry, actual);
    };
    return tapStream(this.passing.content.open(), { chunk, verify, close: () => plain?.destroy() });
  }

  private plainDigest(): PlainDigest | undefined {
    try {
      return new PlainDigest(this.content.entry, this.look.packing);
    } catch (error) {
      this.plain = asProblem(error);
      return undefined;
    }
  }
}

function misnamed(entry: string, actual: string | undefined): ValidationError {
  return invalid(entry, `has the digest ${actual}, which is not its name`);
}

function asProblem(error: unknown): ValidationError {
  if (error instanceof ValidationError) return error;
  throw error;
}
