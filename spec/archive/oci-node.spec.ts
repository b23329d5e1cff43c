import { describe, expect, it } from '@jest/globals';
import type { ArchiveManifest } from '../../lib/archive/archive-image.js';
import { type Child, imageNode, indexNode, isAbsent, type OciNode } from '../../lib/archive/oci-node.js';
import type { Descriptor } from '../../lib/oci/descriptor.js';
import { digestOf } from '../../lib/oci/digest.js';
import { encodeManifest, type ImageIndex, isIndex, type RawManifest } from '../../lib/oci/manifest.js';
import { MediaType } from '../../lib/oci/media-types.js';
import { attesting, on } from './oci-layout.js';

function rawImage(name: string): RawManifest {
  const config = { mediaType: MediaType.ociConfig, digest: digestOf(name), size: 2 };
  return encodeManifest({ schemaVersion: 2, mediaType: MediaType.ociManifest, config, layers: [] });
}

function rawIndex(manifests: readonly Descriptor[], fields: Partial<ImageIndex> = {}): RawManifest {
  return encodeManifest({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests, ...fields });
}

/** An image that is there. */
function present(name: string, platform?: string): Child & { node: OciNode } {
  const raw = rawImage(name);
  const listed = platform === undefined ? raw.descriptor : on(raw.descriptor, platform);
  const own = listed.platform ?? { os: 'linux', architecture: 'own' };
  return { listed, node: imageNode(raw, { raw, platform: own, layers: [] } as unknown as ArchiveManifest) };
}

/** An image that is only listed. */
function missing(name: string, platform: string): Child {
  return { listed: on(rawImage(name).descriptor, platform), node: { absent: `blobs/${name}` } };
}

function attestation(of: Child, isThere: boolean): Child {
  const child = present(`attestation of ${of.listed.digest}`);
  const listed = attesting(child.listed, of.listed);
  return isThere ? { listed, node: child.node } : { listed, node: { absent: 'blobs/attestation' } };
}

function joined(children: readonly Child[], fields?: Partial<ImageIndex>): OciNode {
  const raw = rawIndex(
    children.map(({ listed }) => listed),
    fields,
  );
  const node = indexNode(raw, raw.manifest as ImageIndex, children);
  if (isAbsent(node)) throw new Error('it is absent');
  return node;
}

function childOf(node: OciNode, platform?: string): Child {
  const original = platform === undefined ? node.raw.descriptor : on(node.raw.descriptor, platform);
  return { listed: original, node };
}

function digests(manifests: readonly RawManifest[]): string[] {
  return manifests.map(({ descriptor }) => descriptor.digest);
}

const [AMD, ARM] = [present('amd', 'linux/amd64'), present('arm', 'linux/arm64/v8')];

describe('indexNode', () => {
  it('keeps an index byte for byte where everything is there', () => {
    const raw = rawIndex([AMD.listed, ARM.listed]);
    const node = joined([AMD, ARM]);
    expect(node.raw.bytes.equals(raw.bytes)).toBe(true);
    expect(digests(node.indexes)).toEqual([raw.descriptor.digest]);
    expect(node.manifests).toEqual([...AMD.node.manifests, ...ARM.node.manifests]);
    expect(node.omitted).toEqual([]);
  });

  it('keeps an index of one image, too', () => {
    expect(joined([AMD]).indexes).toHaveLength(1);
  });

  it('keeps an index that lists nothing, for whoever is above it to judge', () => {
    expect(joined([])).toMatchObject({ manifests: [], omitted: [] });
  });

  it('keeps attestations with their images', () => {
    const node = joined([AMD, attestation(AMD, true)]);
    expect(node.manifests).toHaveLength(2);
    expect(node.indexes).toHaveLength(1);
  });

  it('writes the index anew without what is absent, and tells what that is', () => {
    const annotations = { 'org.example': 'kept' };
    const children = [AMD, missing('s390x', 'linux/s390x'), ARM];
    const node = joined(children, { annotations, artifactType: 'application/x' });
    expect(node.raw.manifest).toEqual({
      schemaVersion: 2,
      mediaType: MediaType.ociIndex,
      manifests: [AMD.listed, ARM.listed],
      annotations,
      artifactType: 'application/x',
    });
    expect(node.raw.descriptor.digest).toBe(digestOf(node.raw.bytes));
    expect(digests(node.indexes)).toEqual([node.raw.descriptor.digest]);
    expect(node.omitted).toEqual([`linux/s390x ${children[1]!.listed.digest}`]);
  });

  it('gives the only image that is left in place of the index', () => {
    const absent = missing('s390x', 'linux/s390x');
    const node = joined([AMD, absent, attestation(AMD, false)]);
    expect(node).toMatchObject({ raw: AMD.node.raw, manifests: AMD.node.manifests, indexes: [] });
    expect(node.omitted).toEqual([
      `linux/s390x ${absent.listed.digest}`,
      expect.stringMatching(/^attestation sha256:[0-9a-f]{64}$/),
    ]);
  });

  it('leaves out the attestation of an image that is absent', () => {
    const absent = missing('s390x', 'linux/s390x');
    const node = joined([AMD, ARM, absent, attestation(absent, true), attestation(ARM, true)]);
    expect(isIndex(node.raw.manifest) && node.raw.manifest.manifests.map(({ digest }) => digest)).toEqual([
      AMD.listed.digest,
      ARM.listed.digest,
      attestation(ARM, true).listed.digest,
    ]);
  });

  it('is absent where no image is left', () => {
    const absent = missing('s390x', 'linux/s390x');
    for (const rest of [[], [missing('arm', 'linux/arm64')], [attestation(AMD, true)]]) {
      const children = [absent, ...rest];
      const raw = rawIndex(children.map(({ listed }) => listed));
      expect(indexNode(raw, raw.manifest as ImageIndex, children)).toEqual({ absent: 'blobs/s390x' });
    }
  });

  it('calls what has no platform by its kind, and shows no control characters', () => {
    const [image, index] = [rawImage('x').descriptor, rawIndex([]).descriptor];
    const node = joined([
      AMD,
      { listed: image, node: { absent: 'x' } },
      { listed: index, node: { absent: 'y' } },
      { listed: on(image, 'lin\u001b[2Jux/amd64'), node: { absent: 'z' } },
    ]);
    expect(node.omitted).toEqual([
      `manifest ${image.digest}`,
      `index ${index.digest}`,
      `lin\\u001b[2Jux/amd64 ${image.digest}`,
    ]);
  });

  describe('around another index', () => {
    it('lists the inner one first', () => {
      const inner = joined([AMD, ARM]);
      const outer = joined([childOf(inner)]);
      expect(digests(outer.indexes)).toEqual([inner.raw.descriptor.digest, outer.raw.descriptor.digest]);
    });

    it('is written anew, too, where the inner one was', () => {
      const inner = joined([AMD, ARM, missing('s390x', 'linux/s390x')]);
      const original = rawIndex([AMD.listed, ARM.listed, missing('s390x', 'linux/s390x').listed]).descriptor;
      const outer = joined([{ listed: original, node: inner }, present('other', 'linux/riscv64')]);
      const listed = isIndex(outer.raw.manifest) ? outer.raw.manifest.manifests : [];
      expect(listed[0]).toEqual({ ...original, digest: inner.raw.descriptor.digest, size: inner.raw.descriptor.size });
      expect(outer.omitted).toEqual(inner.omitted);
      // Nothing that is pushed may name what is not.
      const pushed = [...digests(outer.indexes), ...outer.manifests.map(({ raw }) => raw?.descriptor.digest)];
      for (const { digest } of listed) expect(pushed).toContain(digest);
    });

    it('lists the image that took the place of the inner one, with its platform', () => {
      const absent = missing('s390x', 'linux/s390x');
      const inner = joined([AMD, absent]);
      const original = rawIndex([AMD.listed, absent.listed]).descriptor;
      const outer = joined([{ listed: original, node: inner }, ARM]);
      expect(isIndex(outer.raw.manifest) && outer.raw.manifest.manifests).toEqual([AMD.listed, ARM.listed]);
    });

    it('gives way, too, where one image is left of everything', () => {
      const absent = missing('s390x', 'linux/s390x');
      const inner = joined([AMD, absent]);
      const original = rawIndex([AMD.listed, absent.listed]).descriptor;
      const outer = joined([{ listed: original, node: inner }]);
      expect(outer).toMatchObject({ raw: AMD.node.raw, indexes: [], omitted: inner.omitted });
    });
  });
});
