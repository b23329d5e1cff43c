import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RegistryClientError } from '../../lib/errors.js';
import type { Descriptor } from '../../lib/oci/descriptor.js';
import { digestOf } from '../../lib/oci/digest.js';
import { encodeManifest, type ImageManifest, isIndex, parseManifest } from '../../lib/oci/manifest.js';
import { MediaType } from '../../lib/oci/media-types.js';

const CONFIG = { mediaType: MediaType.ociConfig, digest: digestOf('config'), size: 6 };
const LAYER = { mediaType: MediaType.ociLayerGzip, digest: digestOf('layer'), size: 5 };
const CHILD = { mediaType: MediaType.ociManifest, digest: digestOf('child'), size: 7 };
const IMAGE = { schemaVersion: 2, mediaType: MediaType.ociManifest, config: CONFIG, layers: [LAYER] } as const;
const INDEX = { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: [CHILD] } as const;

function parse(json: unknown, contentType?: string) {
  return parseManifest(Buffer.from(typeof json === 'string' ? json : JSON.stringify(json)), contentType);
}

describe('parseManifest', () => {
  it('returns an image with the digest and the size of the very bytes it was given', () => {
    const bytes = Buffer.from(JSON.stringify(IMAGE, null, 3));
    const { manifest, descriptor, bytes: kept } = parseManifest(bytes);
    expect(manifest).toEqual(IMAGE);
    expect(descriptor).toEqual({ mediaType: MediaType.ociManifest, digest: digestOf(bytes), size: bytes.length });
    expect(kept.equals(bytes)).toBe(true);
    expect(isIndex(manifest)).toBe(false);
  });

  it('returns an index', () => {
    const { manifest } = parse(INDEX);
    expect(manifest).toEqual(INDEX);
    expect(isIndex(manifest)).toBe(true);
  });

  it('reads a view into a larger buffer', () => {
    const text = JSON.stringify(IMAGE);
    const larger = Buffer.from(`xx${text}xx`);
    const view = new Uint8Array(larger.buffer, larger.byteOffset + 2, text.length);
    expect(parseManifest(view).descriptor.digest).toBe(digestOf(text));
  });

  it('returns artifact type, subject and annotations, and drops what it does not know', () => {
    const more = { artifactType: 'application/vnd.example', subject: CHILD, annotations: { a: 'b' } };
    expect(parse({ ...IMAGE, ...more, unknown: 1 }).manifest).toEqual({ ...IMAGE, ...more });
    expect(parse({ ...INDEX, ...more, unknown: 1 }).manifest).toEqual({ ...INDEX, ...more });
    expect(parse({ ...IMAGE, subject: null, annotations: null }).manifest).toEqual(IMAGE);
  });

  it('accepts an image without layers, which the image spec allows', () => {
    expect((parse({ ...IMAGE, layers: [] }).manifest as ImageManifest).layers).toEqual([]);
  });

  describe('when the body names no type', () => {
    const { mediaType: _image, ...image } = IMAGE;
    const { mediaType: _index, ...index } = INDEX;

    it('takes the type it was served under, whatever its case and parameters', () => {
      const served = 'application/vnd.docker.distribution.manifest.V2+json; charset=utf-8';
      expect(parse(image, served).descriptor.mediaType).toBe(MediaType.dockerManifest);
      expect(parse(index, MediaType.dockerManifestList).descriptor.mediaType).toBe(MediaType.dockerManifestList);
    });

    it.each([undefined, 'application/json', 'text/plain', 'application/octet-stream', ''])(
      'takes an OCI type from its form when it was served as %p',
      (contentType) => {
        expect(parse(image, contentType).descriptor.mediaType).toBe(MediaType.ociManifest);
        expect(parse(index, contentType).descriptor.mediaType).toBe(MediaType.ociIndex);
      },
    );

    it('refuses an image that is served as an index, and the reverse', () => {
      expect(() => parse(image, MediaType.ociIndex)).toThrow('the index has no manifests');
      expect(() => parse(index, MediaType.ociManifest)).toThrow('the manifest has no layers');
    });
  });

  describe('when two clients could read two images from it (CVE-2021-41190)', () => {
    it.each([
      ['layers beside manifests', { ...IMAGE, manifests: [CHILD] }],
      ['manifests beside layers', { ...INDEX, layers: [LAYER] }],
      ['a config beside manifests', { ...INDEX, config: CONFIG }],
      ['both, though one is null', { ...IMAGE, manifests: null }],
      ['both, though one is empty', { ...INDEX, layers: [] }],
      ['both to programs that do not tell letters apart', { ...IMAGE, Manifests: [CHILD] }],
      ['both to them, though neither to us', { ...INDEX, LAYERS: [] }],
    ])('refuses %s', (_, json) => {
      expect(() => parse(json)).toThrow('the manifest is an image and an index at once');
    });

    it('refuses a field that is there twice to programs that do not tell letters apart', () => {
      expect(() => parse({ ...IMAGE, Layers: [] })).toThrow('the manifest has layers twice, in different letters');
      expect(() => parse({ ...INDEX, manifestS: [] })).toThrow(
        'the manifest has manifests twice, in different letters',
      );
      expect(() => parse({ ...IMAGE, Annotations: {}, other: 1, Other: 2 })).not.toThrow();
    });

    it('refuses a body whose own type is not the one it was served under', () => {
      expect(() => parse(IMAGE, MediaType.ociIndex)).toThrow(
        `the manifest calls itself ${MediaType.ociManifest} but is served as ${MediaType.ociIndex}`,
      );
      expect(() => parse(IMAGE, MediaType.dockerManifest)).toThrow('but is served as');
      expect(parse(IMAGE, `${MediaType.ociManifest}; charset=utf-8`).manifest).toEqual(IMAGE);
    });

    it('refuses an index that calls itself an image', () => {
      expect(() => parse({ ...INDEX, mediaType: MediaType.ociManifest })).toThrow('the manifest has no layers');
      expect(() => parse({ ...IMAGE, mediaType: MediaType.ociIndex })).toThrow('the index has no manifests');
    });

    it('reads the last of two fields of one name, as every reader of JSON does, and only there', () => {
      const twice = JSON.stringify(IMAGE).replace('{', `{"layers":[],`);
      expect(parse(twice).manifest).toEqual(IMAGE);
    });
  });

  it.each<[string, unknown, string]>([
    ['no JSON', '<html>', 'is not JSON'],
    ['nothing', '', 'is not JSON'],
    ['a list', [], 'is not a JSON object'],
    ['null', 'null', 'is not a JSON object'],
    ['schema 1', { schemaVersion: 1, name: 'a' }, 'of Docker schema 1, which is no longer supported'],
    ['no schema', { ...IMAGE, schemaVersion: undefined }, 'has no schemaVersion 2'],
    ['schema 3', { ...IMAGE, schemaVersion: 3 }, 'has no schemaVersion 2'],
    ['a schema in text', { ...IMAGE, schemaVersion: '2' }, 'has no schemaVersion 2'],
    ['an unknown type', { ...IMAGE, mediaType: 'application/vnd.example' }, 'unknown type application/vnd.example'],
    ['no config', { ...IMAGE, config: undefined }, 'config of the manifest is not a descriptor'],
    ['no layers', { ...IMAGE, layers: undefined }, 'has no layers'],
    ['layers that are null', { ...IMAGE, layers: null }, 'has no layers'],
    ['layers in an object', { ...IMAGE, layers: { 0: LAYER } }, 'has no layers'],
    ['a layer that is none', { ...IMAGE, layers: [LAYER, {}] }, 'layers[1] of the manifest has no mediaType'],
    ['a layer with a path for a digest', { ...IMAGE, layers: [{ ...LAYER, digest: '../x' }] }, 'layers[0]'],
    ['a child that is none', { ...INDEX, manifests: [5] }, 'manifests[0] of the index is not a descriptor'],
    ['a subject that is none', { ...IMAGE, subject: 'a' }, 'subject of the manifest is not a descriptor'],
    ['annotations that are none', { ...IMAGE, annotations: [1] }, 'annotations that are not text'],
  ])('refuses %s', (_, json, message) => {
    expect(() => parse(json)).toThrow(RegistryClientError);
    expect(() => parse(json)).toThrow(expect.objectContaining({ code: 'MANIFEST_INVALID' }));
    expect(() => parse(json)).toThrow(message);
  });

  it('says why it is not JSON', () => {
    expect(() => parse('{')).toThrow(expect.objectContaining({ cause: expect.any(SyntaxError) as unknown }));
  });

  it('does not let JSON change what objects are', () => {
    const evil = JSON.stringify(IMAGE).replace('{', '{"__proto__":{"manifests":[],"polluted":true},');
    const { manifest } = parse(evil);
    expect(Object.getPrototypeOf(manifest)).toBe(Object.prototype);
    expect(manifest).toEqual(IMAGE);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('shows a hostile type in a form that cannot harm a terminal', () => {
    const evil = { ...IMAGE, mediaType: '\u001b[2J' };
    expect(() => parse(evil)).toThrow('unknown type \\u001b[2J');
    expect(() => parse(evil, MediaType.ociManifest)).toThrow('calls itself \\u001b[2J but');
  });

  it('reads any JSON or refuses it with the one error it has', () => {
    const field = fc.constantFrom(
      'schemaVersion',
      'mediaType',
      'config',
      'layers',
      'manifests',
      'subject',
      'annotations',
      'digest',
      'size',
      '__proto__', // prettier-ignore
    );
    const leaf = fc.oneof(
      fc.constantFrom(2, null, '', LAYER, LAYER.digest, ...Object.values(MediaType)),
      fc.jsonValue(),
    );
    const part = fc.oneof(leaf, fc.array(leaf, { maxLength: 3 }), fc.dictionary(field, leaf, { maxKeys: 5 }));
    const fields = fc.dictionary(field, part, { maxKeys: 5 });
    const changed = (whole: object) => fields.map((some) => ({ ...whole, ...some }));
    const json = fc.oneof(leaf, fields, changed(IMAGE), changed(INDEX));
    const property = fc.property(
      json,
      fc.option(fc.constantFrom(...Object.values(MediaType)), { nil: undefined }),
      refuses,
    );
    fc.assert(property, { seed: 20260101, numRuns: 500 });
  });
});

function refuses(json: unknown, contentType: string | undefined): void {
  try {
    expect(parse(JSON.stringify(json), contentType).manifest.schemaVersion).toBe(2);
  } catch (error) {
    expect(error).toMatchObject({ code: 'MANIFEST_INVALID' });
  }
}

describe('encodeManifest', () => {
  it('keeps the order of the fields, so that the digest is the same each time', () => {
    const { bytes, descriptor, manifest } = encodeManifest(IMAGE);
    expect(bytes.toString()).toBe(JSON.stringify(IMAGE));
    expect(descriptor).toEqual({ mediaType: IMAGE.mediaType, digest: digestOf(bytes), size: bytes.length });
    expect(manifest).toBe(IMAGE);
  });

  it('counts bytes and not characters', () => {
    const annotated = { ...IMAGE, annotations: { title: '안녕' } };
    expect(encodeManifest(annotated).descriptor.size).toBe(Buffer.byteLength(JSON.stringify(annotated)));
  });

  it('writes what parseManifest reads', () => {
    const text = fc.string({ unit: 'grapheme' });
    const descriptor: fc.Arbitrary<Descriptor> = fc.record(
      {
        mediaType: fc.constantFrom(...Object.values(MediaType)),
        digest: text.map((seed) => digestOf(seed)),
        size: fc.maxSafeNat(),
        annotations: fc.dictionary(text, text),
      },
      { requiredKeys: ['mediaType', 'digest', 'size'] },
    );
    const shared = { schemaVersion: fc.constant(2 as const), artifactType: text, subject: descriptor };
    const image = fc.record(
      { ...shared, mediaType: fc.constant(MediaType.dockerManifest), config: descriptor, layers: fc.array(descriptor) },
      { requiredKeys: ['schemaVersion', 'mediaType', 'config', 'layers'] },
    );
    const index = fc.record(
      { ...shared, mediaType: fc.constant(MediaType.ociIndex), manifests: fc.array(descriptor) },
      { requiredKeys: ['schemaVersion', 'mediaType', 'manifests'] },
    );
    const property = fc.property(fc.oneof(image, index), (manifest) => {
      const encoded = encodeManifest(manifest);
      const parsed = parseManifest(encoded.bytes, manifest.mediaType);
      expect(parsed.manifest).toEqual(manifest);
      expect(parsed.descriptor).toEqual(encoded.descriptor);
    });
    fc.assert(property, { seed: 20260101, numRuns: 200 });
  });
});
