import { createHash } from 'node:crypto';
import { bytes, type Content, digestOfContent, gzip } from './content.js';
import { layerOf } from './tar-builder.js';

/** One image as a writer is to write it. */
export interface ImageOptions {
  /** Uncompressed layer tars; the same object twice is a layer that occurs twice. Default: two small ones. */
  layers?: readonly Content[];
  /** `RepoTags`. Default `['spec/app:1.0']`; `null` and `[]` are written as they are. */
  tags?: readonly string[] | null;
  /** Default `linux/amd64`. */
  platform?: string;
  /** Further fields of the config. */
  config?: Readonly<Record<string, unknown>>;
  /** Instead of the diff_ids of the layers. */
  diffIds?: (right: readonly string[]) => readonly string[];
}

export interface BuiltLayer {
  /** Digest of `plain`. */
  diffId: string;
  /** Digest of `stored`. */
  digest: string;
  /** The uncompressed tar. */
  plain: Content;
  /** What lies in the archive. */
  stored: Content;
}

export interface BuiltImage {
  tags: readonly string[] | null;
  platform: { os: string; architecture: string; variant?: string };
  config: Buffer;
  configDigest: string;
  layers: readonly BuiltLayer[];
}

/** Whether the layer at this index is stored gzipped. */
export type StoredGzipped = (index: number) => boolean;

const DEFAULT_LAYERS = [layerOf({ 'etc/motd': 'hello\n' }), layerOf({ app: '#!/bin/sh\necho app\n' })];

export function buildImage(options: ImageOptions, gzipped: StoredGzipped): BuiltImage {
  const layers = builtLayers(options.layers ?? DEFAULT_LAYERS, gzipped);
  const platform = platformOf(options.platform ?? 'linux/amd64');
  const right = layers.map((layer) => layer.diffId);
  const config = Buffer.from(JSON.stringify(configOf(platform, options.diffIds?.(right) ?? right, options.config)));
  const tags = options.tags === undefined ? ['spec/app:1.0'] : options.tags;
  return { tags, platform, config, configDigest: digestOfContent(bytes(config)), layers };
}

/** The hexadecimal part of a digest. */
export function hex(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** The folder name a layer had before content was addressed: unique for each place in the image. */
export function legacyId(image: BuiltImage, index: number): string {
  return createHash('sha256').update(`${image.configDigest} layer ${index}`).digest('hex');
}

/** Layers that occur twice are hashed and compressed once and stay the same object. */
function builtLayers(layers: readonly Content[], gzipped: StoredGzipped): BuiltLayer[] {
  const built = new Map<Content, BuiltLayer>();
  return layers.map((plain, index) => {
    const layer = built.get(plain) ?? builtLayer(plain, gzipped(index));
    built.set(plain, layer);
    return layer;
  });
}

function builtLayer(plain: Content, gzipped: boolean): BuiltLayer {
  const diffId = digestOfContent(plain);
  const stored = gzipped ? gzip(plain) : plain;
  return { diffId, digest: gzipped ? digestOfContent(stored) : diffId, plain, stored };
}

function platformOf(text: string): BuiltImage['platform'] {
  const [os = '', architecture = '', variant] = text.split('/');
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

/** With steps that made no layer between those that did, as every real config has. */
function configOf(platform: BuiltImage['platform'], diffIds: readonly string[], extra: ImageOptions['config']) {
  const created = '2024-02-29T12:34:56.789Z';
  const history = diffIds.flatMap((_, i) => [
    { created, created_by: `COPY layer ${i} /` },
    { created, created_by: `ENV STEP=${i}`, empty_layer: true },
  ]);
  return {
    ...platform,
    config: { Env: ['PATH=/usr/bin:/bin', 'GREETING=안녕'], Cmd: ['/app'], Labels: { 'org.example.spec': 'yes' } },
    created,
    history,
    ...extra,
    rootfs: { type: 'layers', diff_ids: diffIds },
  };
}
