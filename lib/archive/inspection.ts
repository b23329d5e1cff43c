import type { Packing } from '../compression/sniff.js';
import { type ImageConfig, readImageConfig } from '../oci/image-config.js';
import { type ArchiveImage, type ArchiveManifest, isForeign } from './archive-image.js';

/** One layer of an inspected image, lowest first. */
export interface LayerInspection {
  /** Name of the entry in the archive. */
  entry: string;
  /** Bytes as stored in the archive. */
  size: number;
  /** Digest of the plain layer; absent in artifacts. */
  diffId?: string;
  /** What its first bytes say it is packed with; `none` for a plain tar. */
  packing: Packing;
}

/** What one image of an archive is. An archive with several platforms has one of these for each. */
export interface ImageInspection extends Pick<ImageConfig, 'architecture' | 'os' | 'variant' | 'created'> {
  /** As the archive writes them. */
  tags: readonly string[];
  /** Bytes of all layers as stored in the archive. */
  size: number;
  /** Lowest first. */
  layers: readonly LayerInspection[];
  /** What runs, and the config it is said in. */
  config: RunConfig & {
    /** `sha256:…` of the config: what docker calls the id of the image. */
    digest: string;
    /** Bytes. */
    size: number;
  };
}

/** What a config says about running the image. */
export type RunConfig = Omit<ImageConfig, 'architecture' | 'os' | 'variant' | 'created' | 'history'>;

export function inspectImage(image: ArchiveImage): ImageInspection[] {
  return image.manifests.map((manifest) => inspectManifest(image.tags, manifest));
}

function inspectManifest(tags: readonly string[], { config, layers }: ArchiveManifest): ImageInspection {
  const { architecture, os, variant, created, history: _, ...run } = readImageConfig(config.json);
  const inspected = layers.map(inspectLayer);
  const size = inspected.reduce((sum, layer) => sum + layer.size, 0);
  const { digest, bytes } = config;
  return {
    tags,
    architecture,
    os,
    variant,
    created,
    size,
    layers: inspected,
    config: { digest, size: bytes.length, ...run },
  };
}

function inspectLayer(layer: ArchiveManifest['layers'][number]): LayerInspection {
  if (isForeign(layer)) return { entry: layer.entry, size: layer.foreign.size, packing: 'none' };
  const { entry, size, packing, diffId } = layer;
  return { entry, size, packing, ...(diffId === undefined ? {} : { diffId }) };
}
