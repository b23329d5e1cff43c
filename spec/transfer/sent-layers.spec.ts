import { describe, expect, it } from '@jest/globals';
import { ValidationError } from '../../lib/errors.js';
import { digestOf } from '../../lib/oci/digest.js';
import type { PushedBlob } from '../../lib/services/blob-service.js';
import type { Content } from '../../lib/transfer/layer-content.js';
import { SentLayers } from '../../lib/transfer/sent-layers.js';

const PLAIN = digestOf(Buffer.from('plain'));
const OTHER = digestOf(Buffer.from('other'));
const PACKED = digestOf(Buffer.from('packed'));

function pushed(digest: string): PushedBlob {
  return { descriptor: { mediaType: 'application/octet-stream', digest, size: 6 }, outcome: 'uploaded', bytesSent: 6 };
}

/** A layer at byte 512 that is to be compressed. */
function content(changes: Partial<Content> = {}): Content {
  const place = { entry: 'layer.tar', size: 5, position: 512, packing: 'gzip', compresses: true } as const;
  const prepare = () => Promise.reject(new Error('nothing is to be read'));
  return { ...place, key: `${PLAIN} as gzip`, diffId: PLAIN, prepare, ...changes };
}

function sent(plain?: string | ValidationError, digest = PACKED): SentLayers {
  const layers = new SentLayers();
  layers.add(512, { packing: 'gzip', plain, pushed: pushed(digest) });
  return layers;
}

describe('SentLayers', () => {
  it('finds what an entry has become', () => {
    expect(sent(PLAIN).find(content())).toEqual(pushed(PACKED));
  });

  it.each([
    ['another entry', PLAIN, { position: 1024 }],
    ['an entry that was to be packed otherwise', PLAIN, { packing: 'none' }],
    ['an entry of which nothing is known but its name', undefined, {}],
    ['an entry whose diff_id is of another kind', PLAIN, { diffId: `sha512:${'0'.repeat(128)}` }],
    ['an entry that its manifest names by another kind of digest', PLAIN, { key: `sha512:${'0'.repeat(128)}` }],
  ] as const)('does not find %s', (_, plain, changes) => {
    expect(sent(plain).find(content(changes))).toBeUndefined();
  });

  it('takes the word of the registry for what it had under the digest that the manifest names', () => {
    expect(sent(undefined).find(content({ key: PACKED }))).toEqual(pushed(PACKED));
  });

  it('refuses a layer that is not what the config says', () => {
    expect(() => sent(OTHER).find(content())).toThrow(/layer\.tar .*diff_id/);
  });

  it('refuses a layer that cannot be unpacked, once it turns out to be one', () => {
    const broken = new ValidationError('layer.tar cannot be unpacked', []);
    expect(() => sent(broken).find(content())).toThrow(broken);
    expect(sent(broken).find(content({ diffId: undefined, key: PACKED }))).toEqual(pushed(PACKED));
  });

  it('refuses a blob that is not what its manifest says', () => {
    expect(() => sent(PLAIN).find(content({ key: OTHER }))).toThrow(/layer\.tar has the digest .*its manifest says/);
  });

  it('counts what was sent twice', () => {
    const layers = sent(PLAIN);
    layers.add(2048, { packing: 'gzip', plain: PLAIN, pushed: pushed(PACKED) });
    expect(layers.find(content())?.bytesSent).toBe(12);
  });
});
