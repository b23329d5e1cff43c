import { invalid } from '../archive/problems.js';
import { wrongDiffId } from '../archive/verification.js';
import type { Packing } from '../compression/sniff.js';
import type { ValidationError } from '../errors.js';
import { algorithmOf, isDigest } from '../oci/digest.js';
import type { PushedBlob } from '../services/blob-service.js';
import type { Content } from './layer-content.js';

/** What became of an entry that was sent before anybody said what it is. */
export interface SentLayer {
  /** Of the blob. */
  packing: Packing;
  /** Digest of its plain form, or why it has none; absent when it was not read, because the registry had it. */
  plain?: string | ValidationError | undefined;
  pushed: PushedBlob;
}

/** Layers that were sent while their archive passed; the archive says only at its end what they had to be. */
export class SentLayers {
  private readonly layers = new Map<number, SentLayer>();

  /** @param position - of the entry in the archive */
  add(position: number, layer: SentLayer): void {
    this.layers.set(position, layer);
  }

  /**
   * The blob that a content has become; undefined when it was not sent, or not in this form.
   * @throws ValidationError naming the entry when it is not what the archive says
   */
  find(content: Content): PushedBlob | undefined {
    const layer = this.layers.get(content.position);
    if (layer?.packing !== content.packing) return undefined;
    if (!isDiffId(layer, content) || !isNamed(layer, content)) return undefined;
    return { ...layer.pushed, bytesSent: this.bytesSentFor(layer.pushed) };
  }

  /** An archive may hold one content several times. */
  private bytesSentFor({ descriptor }: PushedBlob): number {
    const same = [...this.layers.values()].filter(({ pushed }) => pushed.descriptor.digest === descriptor.digest);
    return same.reduce((sum, { pushed }) => sum + pushed.bytesSent, 0);
  }
}

/** False when that cannot be told. */
function isDiffId({ plain }: SentLayer, { entry, diffId }: Content): boolean {
  if (diffId === undefined || plain === undefined) return true;
  if (typeof plain !== 'string') throw plain;
  if (plain === diffId) return true;
  if (algorithmOf(plain) !== algorithmOf(diffId)) return false;
  throw wrongDiffId(entry, plain, diffId);
}

/** False when nothing but the name of the entry says what it is, or that cannot be told. */
function isNamed({ plain, pushed }: SentLayer, { entry, key }: Content): boolean {
  if (!isDigest(key)) return plain !== undefined;
  const { digest } = pushed.descriptor;
  if (digest === key) return true;
  if (algorithmOf(digest) !== algorithmOf(key)) return false;
  throw invalid(entry, `has the digest ${digest}, but its manifest says ${key}`);
}
