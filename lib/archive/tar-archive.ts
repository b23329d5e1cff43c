import { fileURLToPath } from 'node:url';
import { InvalidArgumentError, type ArchiveProblem } from '../errors.js';
import { parseRepositoryTag, type RepositoryTag } from '../oci/reference.js';
import { SNIFF_LENGTH, sniffPacking } from '../compression/sniff.js';
import type { ArchiveImage, ArchiveLayer } from './archive-image.js';
import type { ArchiveSource, SizedSource } from './archive-source.js';
import { BufferSource } from './buffer-source.js';
import type { DockerManifestEntry } from './docker-archive.js';
import { FileSource } from './file-source.js';
import { type ArchiveContents, readArchive } from './image-archive.js';
import { type ImageInspection, inspectImage } from './inspection.js';
import { PackedSource } from './packed-source.js';
import { problemsError, uniqueProblems } from './problems.js';
import { TarIndex } from './tar-index.js';
import { verifyLayer } from './verification.js';

/** Where an archive is: a path, a `file:` URL, or the bytes themselves. */
export type ArchiveInput = string | URL | Uint8Array;

/** How an archive is read to its end. */
export interface ValidateOptions {
  /** Ends the reading; {@link TarArchive.validate} then rejects with its reason. */
  signal?: AbortSignal;
}

/** Result of {@link TarArchive.validate}. */
export interface ArchiveReport {
  /** True when there is no problem, and every image could be pushed. */
  valid: boolean;
  /** Every problem, each naming its entry. */
  problems: readonly ArchiveProblem[];
}

/**
 * An image archive, as `docker save`, podman, skopeo, crane, kaniko, jib, nix or BuildKit write it, also packed whole with
 * gzip (or zstd where Node has it). Only headers and the JSON files are read; nothing is extracted. Close it after use.
 */
export class TarArchive {
  /** @internal Use {@link TarArchive.open}. */
  constructor(
    private readonly source: ArchiveSource,
    private readonly contents: ArchiveContents,
  ) {}

  /**
   * Reads the headers of every entry and the JSON files of every image.
   * @throws TarReadError when there is no such file or it is not a complete tar. What is wrong inside a readable tar is
   * told by {@link validate}, and thrown by {@link images}.
   * @throws InvalidArgumentError when `input` is none of what it may be
   */
  static async open<Archive extends TarArchive>(
    this: new (source: ArchiveSource, contents: ArchiveContents) => Archive,
    input: ArchiveInput,
  ): Promise<Archive> {
    const source = await openSource(input);
    try {
      return new this(source, await readArchive(await TarIndex.read(source)));
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  /**
   * What can be pushed, in the order of the archive.
   * @throws ValidationError listing every problem, when the archive has any.
   */
  get images(): readonly ArchiveImage[] {
    const { images, problems } = this.contents;
    if (problems.length > 0) throw problemsError(problems, this.name);
    return images;
  }

  /** Every tag of every image, as written, in the order of the archive. @throws ValidationError as {@link images}. */
  get originalTags(): readonly string[] {
    return this.images.flatMap(({ tags }) => tags);
  }

  /** The first original tag, taken apart; absent when no image has one. @throws ValidationError as {@link images}. */
  get primaryTag(): RepositoryTag | undefined {
    const [first] = this.originalTags;
    return first === undefined ? undefined : parseRepositoryTag(first);
  }

  /** `manifest.json` as it is; for a pure OCI layout, what it would be, @throws ValidationError as {@link images}. */
  get manifest(): readonly DockerManifestEntry[] {
    return this.contents.dockerManifest ?? this.images.flatMap(asDockerManifest);
  }

  /** Path of the file, for messages. */
  get name(): string {
    return this.source.name;
  }

  /** False when layers should be read one after another in their order; see `ArchiveSource`. */
  get randomAccess(): boolean {
    return this.source.randomAccess;
  }

  /** One element per image and platform. @throws ValidationError as {@link images}. */
  // eslint-disable-next-line @typescript-eslint/require-await -- pipes will have to be read first
  async inspect(): Promise<readonly ImageInspection[]> {
    return this.images.flatMap(inspectImage);
  }

  /**
   * Reads everything and reports every problem found; throws none of them.
   * Rejects with `signal.reason` when that aborts.
   */
  async validate(options: ValidateOptions = {}): Promise<ArchiveReport> {
    const found = [...this.contents.problems];
    for (const layer of this.distinctLayers()) found.push(...(await verifyLayer(layer, options.signal)));
    const problems = uniqueProblems(found);
    return { valid: problems.length === 0, problems };
  }

  /** Closes the file. The archive is not used afterwards. */
  close(): Promise<void> {
    return this.source.close();
  }

  /** For `await using`: as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Images share layers. In the order of the archive, because a packed one can only be read onwards. */
  private distinctLayers(): ArchiveLayer[] {
    const { layers } = this.contents;
    const distinct = new Map(
      layers.map((layer) => [`${layer.position} ${layer.diffId} ${layer.descriptor?.digest}`, layer]),
    );
    return [...distinct.values()].sort((a, b) => a.position - b.position);
  }
}

async function openSource(input: ArchiveInput): Promise<ArchiveSource> {
  const source = await openStored(input);
  try {
    const packing = sniffPacking(await source.read(0, SNIFF_LENGTH));
    return packing === 'none' ? source : new PackedSource(source, packing);
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function openStored(input: ArchiveInput): Promise<SizedSource> {
  if (typeof input === 'string') return FileSource.open(input);
  if (input instanceof URL) return FileSource.open(pathOf(input));
  if (input instanceof Uint8Array) {
    return new BufferSource(Buffer.from(input.buffer, input.byteOffset, input.byteLength));
  }
  throw unusable();
}

function pathOf(url: URL): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw unusable(cause);
  }
}

function unusable(cause?: unknown): InvalidArgumentError {
  return new InvalidArgumentError('an archive is given as a path, a file: URL or the bytes of a tar', { cause });
}

function asDockerManifest(image: ArchiveImage): DockerManifestEntry[] {
  return image.manifests.map(({ config, layers }) => ({
    Config: config.entry,
    RepoTags: image.tags,
    Layers: layers.map(({ entry }) => entry),
  }));
}
