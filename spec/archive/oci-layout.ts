import type { Descriptor } from '../../lib/oci/descriptor.js';
import { type DigestAlgorithm, digestOf, hexOf } from '../../lib/oci/digest.js';
import { MediaType } from '../../lib/oci/media-types.js';
import type { Platform } from '../../lib/oci/platform.js';
import type { TarEntry } from '../support/tar-builder.js';

/** An OCI image layout that is built blob by blob, with whatever is wrong with it. */
export class OciLayout {
  readonly blobs = new Map<string, TarEntry>();

  /** Puts a blob into the layout and describes it. */
  blob(content: string | Buffer, mediaType: string, algorithm: DigestAlgorithm = 'sha256'): Descriptor {
    const bytes = Buffer.from(content as string);
    const digest = digestOf(bytes, algorithm);
    this.blobs.set(digest, { name: pathOf(digest), content: bytes });
    return { mediaType, digest, size: bytes.length };
  }

  json(value: unknown, mediaType: string): Descriptor {
    return this.blob(JSON.stringify(value), mediaType);
  }

  layer(content = 'layer'): Descriptor {
    return this.blob(content, MediaType.ociLayer);
  }

  config(diffIds: readonly string[], fields: object = { os: 'linux', architecture: 'amd64' }): Descriptor {
    return this.json({ ...fields, rootfs: { type: 'layers', diff_ids: diffIds } }, MediaType.ociConfig);
  }

  manifest(config: Descriptor, layers: readonly Descriptor[], fields: object = {}): Descriptor {
    const manifest = { schemaVersion: 2, mediaType: MediaType.ociManifest, config, layers, ...fields };
    return this.json(manifest, MediaType.ociManifest);
  }

  /** An image of plain layers, so that digests are diff_ids. */
  image(name: string, fields?: object): Descriptor {
    const layers = [this.layer(`${name} one`), this.layer(`${name} two`)];
    const config = this.config(
      layers.map(({ digest }) => digest),
      { name, os: 'linux', architecture: 'amd64', ...fields },
    );
    return this.manifest(config, layers);
  }

  index(manifests: readonly Descriptor[], fields: object = {}): Descriptor {
    return this.json({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests, ...fields }, MediaType.ociIndex);
  }

  /** The bytes of a blob. */
  bytesOf({ digest }: Pick<Descriptor, 'digest'>): Buffer {
    return this.blobs.get(digest)!.content as Buffer;
  }

  /** What a manifest of this layout says. */
  manifestOf(root: Descriptor): { config: Descriptor; layers: Descriptor[] } {
    return JSON.parse(this.bytesOf(root).toString()) as { config: Descriptor; layers: Descriptor[] };
  }

  /** Takes a blob out again; its descriptor stays where it is listed. */
  without(...absent: readonly Descriptor[]): this {
    for (const { digest } of absent) this.blobs.delete(digest);
    return this;
  }

  /** Puts something else where a blob is. */
  replace({ digest }: Descriptor, entry: Partial<TarEntry>): this {
    this.blobs.set(digest, { name: pathOf(digest), ...entry });
    return this;
  }

  /** The tar's entries with an `index.json` that lists `manifests`. */
  entries(...manifests: readonly Descriptor[]): TarEntry[] {
    return [
      { name: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
      { name: 'index.json', content: JSON.stringify({ schemaVersion: 2, manifests }) },
      ...this.blobs.values(),
    ];
  }
}

export function pathOf(digest: string): string {
  return `blobs/${digest.slice(0, digest.indexOf(':'))}/${hexOf(digest)}`;
}

export function named(descriptor: Descriptor, name: string): Descriptor {
  return { ...descriptor, annotations: { 'org.opencontainers.image.ref.name': name } };
}

export function on(descriptor: Descriptor, platform: string): Descriptor {
  const [os = '', architecture = '', variant] = platform.split('/');
  const described: Platform = { os, architecture, ...(variant === undefined ? {} : { variant }) };
  return { ...descriptor, platform: described };
}

/** As BuildKit ties provenance to an image. */
export function attesting(descriptor: Descriptor, image: Descriptor): Descriptor {
  return { ...on(descriptor, 'unknown/unknown'), annotations: { 'vnd.docker.reference.digest': image.digest } };
}
