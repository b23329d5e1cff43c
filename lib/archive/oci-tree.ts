import { RegistryClientError } from '../errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import { type ImageIndex, type ImageManifest, isIndex, parseManifest, type RawManifest } from '../oci/manifest.js';
import { printable } from '../redact.js';
import { type ArchiveFiles, platformOf } from './archive-files.js';
import type { ArchiveLayer } from './archive-image.js';
import { storedLayers } from './found-image.js';
import type { ManifestBudget } from './manifest-budget.js';
import { blobPath, readBlob, readOciConfig, readOciLayers } from './oci-image.js';
import { type AbsentNode, type Child, imageNode, indexNode, type OciNode } from './oci-node.js';
import { invalid, Problems } from './problems.js';

/** Indexes inside indexes deeper than this are an attack. */
const MAX_DEPTH = 8;

/** Reads a manifest of a layout with everything below it, and goes on where something is broken, to find what else is. */
export class OciTree {
  readonly problems = new Problems();
  /** Every layer whose content can be checked. */
  readonly layers: ArchiveLayer[] = [];

  constructor(
    private readonly files: ArchiveFiles,
    private readonly budget: ManifestBudget,
  ) {}

  /** Undefined when it is broken, which {@link problems} tells. */
  read(descriptor: Descriptor, depth = 0): Promise<OciNode | AbsentNode | undefined> {
    return this.problems.attempt(() => this.readManifest(descriptor, depth));
  }

  private async readManifest(listed: Descriptor, depth: number): Promise<OciNode | AbsentNode | undefined> {
    const path = blobPath(listed.digest);
    if (!this.files.has(path)) return { absent: path };
    if (depth > MAX_DEPTH) throw invalid(path, `is nested more than ${MAX_DEPTH} indexes deep`);
    const { manifest, ...rest } = parseManifestFile(await readBlob(this.files, listed), path, listed.mediaType);
    // As listed: its own algorithm may be another one.
    const raw = { ...rest, manifest, descriptor: { ...rest.descriptor, digest: listed.digest } };
    return isIndex(manifest) ? this.readIndex(raw, manifest, depth) : this.readImage(raw, manifest, listed);
  }

  private async readIndex(raw: RawManifest, index: ImageIndex, depth: number): Promise<Child['node'] | undefined> {
    this.budget.spend(index.manifests.length, blobPath(raw.descriptor.digest));
    const children: Child[] = [];
    for (const listed of index.manifests) {
      const node = await this.read(listed, depth + 1);
      if (node) children.push({ listed, node });
    }
    return children.length === index.manifests.length ? indexNode(raw, index, children) : undefined;
  }

  private async readImage(
    raw: RawManifest,
    manifest: ImageManifest,
    listed: Descriptor,
  ): Promise<Child['node'] | undefined> {
    const configPath = blobPath(manifest.config.digest);
    if (!this.files.has(configPath)) return { absent: configPath };
    const problems = new Problems();
    const config = await problems.attempt(() => readOciConfig(this.files, manifest.config));
    const layers = await readOciLayers(this.files, manifest, config, problems);
    for (const layer of storedLayers(layers)) this.layers.push(layer);
    this.problems.addAll(problems);
    if (!config || problems.list.length > 0) return undefined;
    const platform = listed.platform ?? platformOf(config.json);
    return imageNode(raw, { config, layers, raw, ...(platform === undefined ? {} : { platform }) });
  }
}

/** @throws ValidationError naming the file when it is no manifest. */
export function parseManifestFile(bytes: Buffer, path: string, mediaType?: string): RawManifest {
  try {
    return parseManifest(bytes, mediaType);
  } catch (error) {
    throw RegistryClientError.is(error) ? invalid(path, `is damaged: ${printable(error.message, 300)}`) : error;
  }
}
