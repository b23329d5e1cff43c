import { describe, expect, it } from '@jest/globals';
import { RegistryClientError } from '../../lib/errors.js';
import { isJsonObject, parseAnnotations, parseDescriptor } from '../../lib/oci/descriptor.js';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;
const MINIMAL = { mediaType: 'application/octet-stream', digest: DIGEST, size: 0 };

function parse(value: unknown) {
  return parseDescriptor(value, 'layers[2] of the manifest');
}

/** Lists in lists, as deep as JSON may write them. */
function nested(depth: number): unknown {
  return JSON.parse('['.repeat(depth) + ']'.repeat(depth));
}

describe('parseDescriptor', () => {
  it('returns type, digest and size', () => {
    expect(parse(MINIMAL)).toEqual(MINIMAL);
  });

  it('returns every optional field of the image spec', () => {
    const full = {
      ...MINIMAL,
      annotations: { 'org.example.a': 'b', empty: '' },
      platform: {
        os: 'windows',
        architecture: 'arm',
        variant: 'v7',
        'os.version': '10.0.1',
        'os.features': ['win32k'],
      },
      artifactType: 'application/vnd.example',
      urls: ['https://example.com/layer'],
      data: 'e30=',
    };
    expect(parse(full)).toEqual(full);
  });

  it('drops what it does not know, and fields that are null, as Go programs write them', () => {
    expect(parse({ ...MINIMAL, annotations: null, platform: null, urls: null, newField: { a: 1 } })).toEqual(MINIMAL);
  });

  it('drops features of a platform that are no text, and cannot be made one', () => {
    const platform = { os: 'windows', architecture: 'amd64', 'os.features': ['win32k', { toString: 1 }, 5, nested(9)] };
    expect(parse({ ...MINIMAL, platform }).platform).toEqual({ ...platform, 'os.features': ['win32k'] });
  });

  it('drops an empty variant and addresses that are no text', () => {
    const platform = { os: 'linux', architecture: 'arm64', variant: '' };
    expect(parse({ ...MINIMAL, platform, urls: [5, 'https://a', null] })).toEqual({
      ...MINIMAL,
      platform: { os: 'linux', architecture: 'arm64' },
      urls: ['https://a'],
    });
  });

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'is not a descriptor'],
    ['null', null, 'is not a descriptor'],
    ['text', 'text', 'is not a descriptor'],
    ['a list', [MINIMAL], 'is not a descriptor'],
    ['no mediaType', { ...MINIMAL, mediaType: undefined }, 'has no mediaType'],
    ['no digest', { ...MINIMAL, digest: undefined }, 'has no valid digest but nothing'],
    ['a digest that is a path', { ...MINIMAL, digest: 'sha256:../../x' }, 'has no valid digest but "sha256:../../x"'],
    ['a digest in upper case', { ...MINIMAL, digest: DIGEST.toUpperCase() }, 'has no valid digest'],
    ['a digest of escapes', { ...MINIMAL, digest: '\u001b[2J' }, 'has no valid digest but "\\u001b[2J"'],
    ['a digest that is an object', { ...MINIMAL, digest: { a: 1 } }, 'has no valid digest but an object'],
    ['a digest of 100,000 lists', { ...MINIMAL, digest: nested(100_000) }, 'has no valid digest but a list'],
    ['a size of 100,000 lists', { ...MINIMAL, size: nested(100_000) }, 'has no valid size but a list'],
    ['no size', { ...MINIMAL, size: undefined }, 'has no valid size but nothing'],
    ['a negative size', { ...MINIMAL, size: -1 }, 'has no valid size but "-1"'],
    ['half a byte', { ...MINIMAL, size: 0.5 }, 'has no valid size'],
    ['a size in text', { ...MINIMAL, size: '5' }, 'has no valid size but "5"'],
    ['a size beyond exact numbers', { ...MINIMAL, size: 2 ** 53 }, 'has no valid size'],
    ['a size that is no number', { ...MINIMAL, size: Number.NaN }, 'has no valid size'],
    ['annotations in a list', { ...MINIMAL, annotations: ['a'] }, 'has annotations that are not text'],
    ['annotations that are numbers', { ...MINIMAL, annotations: { a: 1 } }, 'has annotations that are not text'],
    ['a platform without os', { ...MINIMAL, platform: { architecture: 'a' } }, 'a platform without os or architecture'],
    ['a platform in text', { ...MINIMAL, platform: 'linux/amd64' }, 'a platform without os or architecture'],
  ])('refuses %s and says where', (_, value, message) => {
    expect(() => parse(value)).toThrow(RegistryClientError);
    expect(() => parse(value)).toThrow(expect.objectContaining({ code: 'MANIFEST_INVALID' }));
    expect(() => parse(value)).toThrow('layers[2] of the manifest');
    expect(() => parse(value)).toThrow(message);
  });

  it('does not let JSON change what objects are', () => {
    const evil: unknown = JSON.parse(
      `{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},
        "mediaType":"a","digest":"${DIGEST}","size":1,
        "annotations":{"__proto__":"x","a":"b"},"platform":{"__proto__":{"variant":"v1"},"os":"linux","architecture":"a"}}`,
    );
    const descriptor = parse(evil);
    expect(Object.getPrototypeOf(descriptor)).toBe(Object.prototype);
    expect(Object.keys(descriptor)).toEqual(['mediaType', 'digest', 'size', 'annotations', 'platform']);
    expect(descriptor.platform).toEqual({ os: 'linux', architecture: 'a' });
    expect(Object.getPrototypeOf(descriptor.annotations)).toBe(Object.prototype);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('does not take fields from a prototype', () => {
    const evil: unknown = JSON.parse(`{"__proto__":{"mediaType":"a","digest":"${DIGEST}","size":1}}`);
    expect(() => parse(evil)).toThrow('has no mediaType');
  });
});

describe('parseAnnotations', () => {
  it('returns a map of text', () => {
    expect(parseAnnotations({ a: 'b' }, 'it')).toEqual({ a: 'b' });
    expect(parseAnnotations({}, 'it')).toEqual({});
  });

  it.each([null, undefined, 'text', [], ['a'], { a: null }, { a: { b: 'c' } }])('refuses %p', (value) => {
    expect(() => parseAnnotations(value, 'the manifest')).toThrow('the manifest has annotations that are not text');
  });
});

describe('isJsonObject', () => {
  it('is true for objects, not for null, lists and plain values', () => {
    expect([{}, { a: 1 }].every(isJsonObject)).toBe(true);
    expect([null, undefined, [], 'a', 1, true].some(isJsonObject)).toBe(false);
  });
});
